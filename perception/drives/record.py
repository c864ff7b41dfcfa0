"""`perception record`: a source and what is seen in it as an MCAP file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from perception import bundle as bundles
from perception.config import DEFAULT, PipelineConfig
from perception.errors import PerceptionError, SourceError
from perception.health import watching
from perception.interfaces import Source
from perception.labels.synthetic import asked
from perception.outputs import keep_apart
from perception.pipeline import Outcome, Pipeline, run
from perception.redaction import redacted
from perception.signals import stopped_as_interrupted
from perception.sinks import DriveRecorder
from perception.sources import open_source
from perception.sources.calibrated import with_files
from perception.sources.synthetic import ScenarioSource, SyntheticSource
from perception.tasks import TASKS
from perception.types import Frame, Scene

CODE = Path(__file__).parents[1]
CLASSES = {name: task.about.spec.classes for name, task in TASKS.items()}  # of rendered truth


@dataclass(frozen=True)
class Settings:
    """What is recorded, and what computes the results."""

    pipeline: PipelineConfig = DEFAULT
    camera: Path | None = None
    camera_height: float | None = None  # above the road, metres; None: as the file says
    ego: Path | None = None  # table of the own motion, or a topic of the drive
    truth: bool = False  # of rendered scenes
    results: bool = True
    overwrite: bool = False  # a recording of the same name


def record(
    source: str,
    out: Path,
    settings: Settings | None = None,
    max_frames: int | None = None,
    progress: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Record until the source ends, Ctrl-C, SIGTERM or SIGHUP: the file is complete then.

    A live source is recorded as fast as the network is; without results, as fast as it comes.
    Raises SourceError, SinkError, BundleError, BackendUnavailable.
    """
    settings = settings or Settings()
    keep_apart([out], [source, settings.camera, settings.ego, settings.pipeline.mount])
    frames = open_source(source)
    if frames.images:
        raise SourceError(
            f"{redacted(source)}: expected a camera, a video or a drive, got unrelated images, which have no "
            "time; put NAME.timestamps.csv beside the folder, or make a video of them"
        )
    truth = truth_of(frames, source) if settings.truth else None
    frames = with_files(frames, settings.camera, settings.camera_height, settings.ego)
    spec = bundles.read(settings.pipeline.folder)
    tasks = [with_truth(task) if settings.truth else task for task in spec.tasks.values()]
    loaded = settings.pipeline.load() if settings.results else None
    with nullcontext() if loaded is None else closing(loaded):
        told = facts(source, settings, loaded)
        sink = DriveRecorder(out, tasks, told, truth=truth, overwrite=settings.overwrite)
        with stopped_as_interrupted(), watching(getattr(frames, "health", None)):
            return run(frames, loaded or unseen, [sink], max_frames, progress)


def unseen(frame: Frame) -> Scene:
    """No task ran."""
    return Scene(frame.seq, frame.stamp_ns, frame.size)


def truth_of(source: Source, text: str) -> Callable[[Frame], Scene]:
    """What the renderer knows of the last frame, in the form of the metrics (score 0: not asked for)."""
    if not isinstance(source, SyntheticSource | ScenarioSource):
        raise PerceptionError(
            f"{text}: expected rendered scenes, whose truth is known; give synthetic:SEED or "
            "scenario:NAME:SEED"
        )

    def truth(frame: Frame) -> Scene:
        rendered = source.last
        assert rendered is not None
        return asked(rendered, CLASSES["detection"])

    return truth


def with_truth(task: bundles.TaskSpec) -> bundles.TaskSpec:
    """With the classes of the truth, whose names the results share: a bundle may know the first of them."""
    names = CLASSES.get(task.name, task.classes)
    if names[: len(task.classes)] != task.classes:
        raise PerceptionError(
            f"expected the {task.name} classes {names} for --truth, got {task.classes}; "
            "choose another --bundle"
        )
    return replace(task, classes=names)


def facts(source: str, settings: Settings, pipeline: Pipeline | None) -> dict[str, Any]:
    """What the metadata record says: enough to compute the same again. `pipeline`: None if nothing is."""
    told = settings.pipeline.facts(pipeline)
    chosen = {"results": settings.results, "truth": settings.truth}
    camera = settings.camera.read_text() if settings.camera else ""
    return {
        "source": redacted(source),
        **told,
        **chosen,
        "config_sha256": sha256(json.dumps([told, chosen, camera]).encode()),
        "code_sha256": code_sha256(),
    }


def code_sha256() -> str:
    """Of every Python file of this package, by name."""
    files = sorted(CODE.rglob("*.py"))
    parts = (str(path.relative_to(CODE)).encode() + b"\0" + path.read_bytes() for path in files)
    return sha256(b"\0".join(parts))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
