"""The work of evaluation: frames of labelled drives through a pipeline, each judged at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from perception import bundle as bundles
from perception.backends.runtimes import FIRST
from perception.config import PipelineConfig
from perception.errors import BundleError, FrameError
from perception.evaluation.judge import judged
from perception.evaluation.observe import Observer
from perception.evaluation.records import FrameRecord
from perception.evaluation.replay import Answer, Pace, replay
from perception.evaluation.tracking.over_time import OverTime
from perception.evaluation.work import Piece, Unit, Work
from perception.labels.labelled import Labelled, Stills
from perception.labels.truth import PARTS, Truth
from perception.pipeline import Pipeline
from perception.sinks.scenes import scene_to_json
from perception.tasks.evidence import Evidence
from perception.types import Frame, Scene

BATCH = 10  # frames of a piece: what a progress bar hears of at once
ASIDE = ("unsure", "plain")  # the stages of what is for the metrics alone
AGE = "age"  # from the arrival of a frame to its scene, among its times
Seen = Answer[tuple[FrameRecord, bytes]]


REPRODUCIBLE = PipelineConfig(device="cpu", threads=1, runtime=FIRST)  # metrics do not depend on speed


@dataclass(frozen=True)
class Settings:
    """What sees, and how it is judged. Can be pickled."""

    pipeline: PipelineConfig = REPRODUCIBLE
    pace: Pace | None = None  # None: every frame
    deadline_ms: float | None = None  # from a frame's arrival to its scene
    parts: tuple[str, ...] = PARTS  # what is judged
    detail: bool = True  # metrics by size and calibration, too
    limit: int | None = None  # at most so many unrelated pictures of each set


@contextmanager
def opened(settings: Settings, sha256: Mapping[str, str]) -> Iterator[Work]:
    """Work with a pipeline of its own. Raises BundleError if the bundle's files are not those of `sha256`."""
    folder = settings.pipeline.folder
    if bundles.read(folder).sha256 != sha256:
        raise BundleError(
            f"{folder} on this machine: expected the bundle that was evaluated first, got another; "
            "copy it there, and do not change it in between"
        )
    with closing(settings.pipeline.load()) as pipeline:
        _warm_up(pipeline)
        yield Seeing(pipeline, settings)


class Seeing:
    """`seeing(unit)`: its frames, seen, judged and written down."""

    def __init__(self, pipeline: Pipeline, settings: Settings) -> None:
        self._pipeline = pipeline
        self._settings = settings
        self._observer = Observer(pipeline)

    def __call__(self, unit: Unit) -> Iterator[Piece]:
        drive: Labelled = unit.labelled
        stills = isinstance(drive, Stills)
        self._observer.begin(stills)
        whole = None if stills else OverTime(self._observer.classes)

        def look(labelled: tuple[Frame, Truth]) -> tuple[FrameRecord, bytes]:
            return self._look(drive.name, *labelled, whole)

        letters = ((frame.stamp_ns, (frame, truth)) for frame, truth in drive)
        answers = replay(letters, look, self._settings.pace, lambda seen: sum(seen[0].timing_ms.values()))
        answers = answers if whole is None else _ended(answers, whole)
        told = 0  # lost frames
        for batch in _batches(answers):
            records = tuple(_aged(answer.result[0], answer.age_ms) for answer in batch)
            scenes = b"".join(answer.result[1] for answer in batch)
            dropped, lost = sum(answer.dropped for answer in batch), drive.lost - told
            told += lost
            yield Piece(unit.drive, unit.part, records, scenes, dropped, lost)

    def _look(
        self, drive: str, frame: Frame, truth: Truth, whole: OverTime | None
    ) -> tuple[FrameRecord, bytes]:
        scene, unsure = self._observer.look(frame, truth.crop)
        scene = _without_aside(scene)
        settings = self._settings
        record = judged(frame, truth, scene, unsure, self._observer, drive, settings.parts, settings.detail)
        if whole is not None:
            record = _with(record, whole.add(frame, truth, scene))
        return record, self._line(frame, scene)

    def _line(self, frame: Frame, scene: Scene) -> bytes:
        record = scene_to_json(scene, frame, self._pipeline.tasks)
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _warm_up(pipeline: Pipeline) -> None:
    """The first frame takes longest, and its time says nothing."""
    width, height = pipeline.backend.input_size
    with suppress(FrameError):  # that of a real frame will be told
        pipeline(Frame(np.zeros((height, width, 3), np.uint8), 0, 0))


def _ended(answers: Iterable[Seen], whole: OverTime) -> Iterator[Seen]:
    """The last frame of a drive also says what the drive says as a whole."""
    last: Seen | None = None
    for answer in answers:
        if last is not None:
            yield last
        last = answer
    if last is not None:
        record, line = last.result
        yield replace(last, result=(_with(record, whole.end()), line))


def _with(record: FrameRecord, more: Mapping[str, Evidence]) -> FrameRecord:
    return replace(record, evidence={**record.evidence, **more}) if more else record


def _without_aside(scene: Scene) -> Scene:
    """A device does not do what is for the metrics alone."""
    times = {name: ms for name, ms in scene.timing_ms.items() if name not in ASIDE}
    return replace(scene, timing_ms=times)


def _aged(record: FrameRecord, age_ms: float | None) -> FrameRecord:
    return record if age_ms is None else replace(record, timing_ms={**record.timing_ms, AGE: age_ms})


def _batches(answers: Iterable[Answer[Any]]) -> Iterator[Sequence[Answer[Any]]]:
    batch: list[Answer[Any]] = []
    for answer in answers:
        batch.append(answer)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch
