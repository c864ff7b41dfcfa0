"""The folder of an evaluation: result.json, records as Parquet, the scenes of each drive.

docs/query.md describes it. All of it appears at once, or an older one stays.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perception.errors import DataError, SinkError, brief
from perception.evaluation.latency import latency
from perception.evaluation.names import UNITS
from perception.evaluation.records import FrameRecord, count, load_records, metrics, save
from perception.outputs import PartFile, locked, write_whole, writing

FORMAT = 1
RESULT, SCENES = "result.json", "scenes"
PAGES = ("report.html", "junit.xml")  # made of a result: they do not outlive it
TABLES = ("frames.parquet", "counts.parquet", "boxes.parquet")
STAGE = ".unfinished"


@dataclass(frozen=True)
class Result:
    """What came out of an evaluation."""

    facts: Mapping[str, Any]  # for JSON: what was evaluated on what, see `run.evaluate_drives`
    records: list[FrameRecord]  # by drive, in order

    @property
    def failed(self) -> Mapping[str, str]:
        """Drive -> why it could not be evaluated."""
        failed: Mapping[str, str] = self.facts["failed"]
        return failed

    @property
    def metrics(self) -> dict[str, float]:
        return metrics(self.records)


def summary(result: Result) -> dict[str, Any]:
    """What result.json holds: facts, metrics of all, by drive and by tag, and latency of all and by drive."""
    facts, records = result.facts, result.records
    drives, tags = grouped(records, lambda r: (r.drive,)), grouped(records, lambda r: r.tags)
    dropped = {drive["name"]: drive["dropped"] for drive in facts["drives"]}
    deadline = facts["deadline_ms"]
    return {
        "format": FORMAT,
        "unit": "; ".join(("fraction", *(f"{name}: {own.text.strip() or 1}" for name, own in UNITS.items()))),
        "facts": facts,
        "pictures": dict(count(records)),
        "metrics": metrics(records),
        "metrics_by": {
            "drives": {name: metrics(own) for name, own in drives.items()},
            "tags": {name: metrics(own) for name, own in tags.items()},
        },
        "latency": {
            "all": latency(records, sum(dropped.values()), deadline),
            "drives": {name: latency(own, dropped[name], deadline) for name, own in drives.items()},
        },
    }


def grouped(
    records: Iterable[FrameRecord], keys: Callable[[FrameRecord], Sequence[str]]
) -> dict[str, list[FrameRecord]]:
    """Key -> the records that have it, by name."""
    groups: dict[str, list[FrameRecord]] = {}
    for record in records:
        for key in keys(record):
            groups.setdefault(key, []).append(record)
    return dict(sorted(groups.items()))


def write_result(result: Result, folder: Path) -> None:
    """Everything but the scenes, which are written while they come. Raises SinkError."""
    save(result.records, folder)
    write_whole(folder / RESULT, (json.dumps(summary(result), indent=1) + "\n").encode())


def read_result(folder: Path) -> Result:
    """What `write_result` wrote. Raises DataError."""
    path = folder / RESULT
    try:
        found = json.loads(path.read_text())
        made, facts = found["format"], found["facts"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: expected what `perception evaluate --out` writes, got {brief(error)}. Evaluate again"
        ) from error
    if made != FORMAT:
        raise DataError(f"{path}: expected format {FORMAT}, got {made!r}. Evaluate again")
    return Result(facts, load_records(folder))


@contextmanager
def staged(out: Path, drives: Sequence[str] = ()) -> Iterator[Path]:
    """A folder whose content moves to `out` at the end; if there is an error or Ctrl-C, nothing does.

    What an older evaluation wrote there is replaced then, and nothing else. `drives`: whose scenes come.
    Raises SinkError, also where a file that no evaluation wrote is in the way.
    """
    new, stage = not out.exists(), out / STAGE
    with locked(out):
        own = _own(out)
        _refuse_foreign(out, own, drives)
        try:
            with writing(out):
                shutil.rmtree(stage, ignore_errors=True)
                stage.mkdir()
            yield stage
            with writing(out):
                _move(stage, out, own)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
            if new and not any(out.iterdir()):
                out.rmdir()


def _own(out: Path) -> list[Path]:
    """What the evaluation wrote whose result is in `out`."""
    try:
        found = json.loads((out / RESULT).read_text())
        facts, _ = found["facts"], found["latency"]
        names = [*(drive["name"] for drive in facts["drives"]), *facts["failed"]]
        return [out / name for name in (RESULT, *PAGES, *TABLES)] + _scenes(out, names)
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _scenes(out: Path, drives: Iterable[str]) -> list[Path]:
    return [out / SCENES / f"{name}.jsonl" for name in drives]


def _refuse_foreign(out: Path, own: Sequence[Path], drives: Sequence[str]) -> None:
    named = [out / name for name in (RESULT, *PAGES, *TABLES)] + _scenes(out, drives)
    foreign = [path for path in named if path not in own and os.path.lexists(path)]
    if (out / SCENES).is_symlink() or (os.path.lexists(out / SCENES) and not (out / SCENES).is_dir()):
        foreign.append(out / SCENES)
    if foreign:
        raise SinkError(
            f"{out}: expected a new folder or one of an evaluation, got {foreign[0].relative_to(out)}, which "
            "no evaluation wrote. Choose another --out"
        )


def _move(stage: Path, out: Path, own: Iterable[Path]) -> None:
    """The result last, as it says that all the others are there."""
    for path in own:
        path.unlink(missing_ok=True)
    found = (path for path in stage.rglob("*") if path.is_file())
    for path in sorted(found, key=lambda path: (path.name == RESULT, path)):
        target = out / path.relative_to(stage)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)


class SceneFiles:
    """DRIVE.jsonl for each drive, whose parts may come in any order."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._paths = [folder / f"{name}.jsonl" for name in names]
        self._files: dict[int, _SceneFile] = {}

    def add(self, drive: int, part: int, lines: bytes, last: bool) -> None:
        """More lines of a part; `last`: its last ones. Raises SinkError."""
        if drive not in self._files:
            self._files[drive] = _SceneFile(self._paths[drive])
        self._files[drive].add(part, lines, last)

    def commit(self, drive: int) -> None:
        """All parts are there."""
        self._files.pop(drive).file.commit()

    def discard(self, drive: int | None = None) -> None:
        """Leave nothing of a drive; None: of all that are not committed."""
        for key in list(self._files) if drive is None else [drive]:
            if key in self._files:
                self._files.pop(key).file.discard()


class _SceneFile:
    """The part whose turn it is goes to the disk at once: a long drive is never in memory."""

    def __init__(self, path: Path) -> None:
        self.file = PartFile(path)
        self._turn = 0
        self._waiting: dict[int, list[bytes]] = {}
        self._ended = set[int]()

    def add(self, part: int, lines: bytes, last: bool) -> None:
        self._waiting.setdefault(part, []).append(lines)
        self._ended |= {part} if last else set()
        while self._turn in self._waiting:
            with self.file.or_nothing():
                self.file.file.write(b"".join(self._waiting.pop(self._turn)))
            if self._turn not in self._ended:
                return
            self._turn += 1
