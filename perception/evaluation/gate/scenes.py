"""A folder of stored scenes to compare with: one file a drive, and what made them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from perception.errors import DataError
from perception.evaluation.results import RESULT, SCENES, read_result
from perception.evaluation.run import asked_of, is_blank
from perception.evaluation.seeing import Seeing, Settings
from perception.evaluation.work import Unit
from perception.interfaces import Source
from perception.labels import LABELS, open_labelled
from perception.labels.labelled import Labelled, file_name
from perception.load import ON_CUDA
from perception.pipeline import Pipeline, run
from perception.redaction import redacted
from perception.sinks.files import write_whole
from perception.sinks.scenes import SceneLines
from perception.sources import open_recorded

FACTS = "reference.json"
SINGLE = "scenes.jsonl"  # what `perception run` writes
AS_SOURCE = "synthetic"  # a prefix that both sources and labelled drives have


def see(texts: Sequence[str], settings: Settings, folder: Path) -> Iterator[tuple[str, Path]]:
    """Scenes of each drive, written to `folder`: (name of the drive, file).

    Raises SourceError, DataError, SinkError, KeyboardInterrupt; as `perception.load`.
    """
    names, blank = set[str](), list[Labelled]()
    with closing(settings.pipeline.load()) as pipeline:
        for text in texts:
            for name, write in _drives(text, pipeline, settings, blank):
                if name in names:
                    raise DataError(
                        f"{text}: expected drives of different names, got {name} twice. Rename one"
                    )
                names.add(name)
                write(folder / f"{name}.jsonl")
                yield name, folder / f"{name}.jsonl"


def _drives(
    text: str, pipeline: Pipeline, settings: Settings, blank: list[Labelled]
) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Name of each drive, and what writes its scenes. `blank`: frames of nothing that were there before."""
    prefix = text.partition(":")[0]
    if prefix in LABELS and prefix != AS_SOURCE and not Path(text).exists():
        for drive in open_labelled(text, asked_of(settings)):
            if drive in blank:
                continue
            blank += [drive] if is_blank(drive) else []
            yield drive.name, partial(_write_labelled, drive, pipeline, settings)
    else:
        name = file_name(Path(text).stem if Path(text).exists() else redacted(text))
        yield name, partial(_write, open_recorded(text), pipeline)


def _write(source: Source, pipeline: Pipeline, path: Path) -> None:
    if run(source, pipeline, [SceneLines(path, pipeline.tasks)]).interrupted:
        raise KeyboardInterrupt


def _write_labelled(drive: Labelled, pipeline: Pipeline, settings: Settings, path: Path) -> None:
    """As an evaluation sees it: a crop with one sign is only read."""
    pieces = Seeing(pipeline, settings)(Unit(0, 0, drive))
    write_whole(path, b"".join(piece.scenes for piece in pieces))


def stored(folder: Path, name: str, alone: bool) -> Path:
    """The file of a drive. alone: it is the only drive. Raises DataError."""
    choices = [folder / f"{name}.jsonl", *([folder / SINGLE] if alone else [])]
    for path in choices:
        if path.is_file():
            return path
    there = sorted(path.name for path in folder.glob("*.jsonl")) if folder.is_dir() else "no such folder"
    raise DataError(
        f"{folder}: expected stored scenes {name}.jsonl, got {there}. --update-reference stores them"
    )


def facts(settings: Settings) -> dict[str, Any]:
    """What computes the scenes."""
    config = settings.pipeline
    return {"backend": _backend(config.device, config.precision), **config.facts()}


def _backend(device: str, precision: str) -> str:
    return f"{device}.{ON_CUDA.get(precision, precision) if device == 'cuda' else precision}"


def store(folder: Path, name: str, scenes: Path, known: Mapping[str, Any]) -> None:
    """Make the scenes of a drive its reference. Raises SinkError, DataError."""
    told = {**_facts(folder), name: dict(known)}
    write_whole(folder / f"{name}.jsonl", scenes.read_bytes())
    write_whole(folder / FACTS, (json.dumps(told, indent=1, sort_keys=True) + "\n").encode())


def backend_of(folder: Path, name: str, default: str) -> str:
    """What computed the stored scenes of a drive, be they those of an evaluation; `default` if nobody wrote
    it down. Raises DataError."""
    if folder.name == SCENES and (folder.parent / RESULT).exists():
        told = read_result(folder.parent).facts
        return _backend(told["device"], told["precision"])
    return _facts(folder).get(name, {}).get("backend", default)


def _facts(folder: Path) -> dict[str, dict[str, Any]]:
    """Name of a drive -> what computed its scenes."""
    path = folder / FACTS
    if not path.exists():
        return {}
    try:
        return {str(name): dict(known) for name, known in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: expected what made each drive's scenes, got {error}. Store again"
        ) from error
