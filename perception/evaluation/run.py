"""Evaluate a bundle on labelled drives: in this process, in several, on a cluster, with one result."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from perception import bundle as bundles
from perception.account import Account
from perception.errors import DataError
from perception.evaluation.bench.machine import machine
from perception.evaluation.records import FrameRecord
from perception.evaluation.results import SCENES, Result, SceneFiles, staged, write_result
from perception.evaluation.seeing import Settings, opened
from perception.evaluation.work import Opening, Piece, Unit, alone
from perception.labels import open_labelled
from perception.labels.blank import Blank
from perception.labels.labelled import Asked, Labelled, Stills
from perception.labels.vocabulary import Vocabulary

__all__ = ["Progress", "Result", "Settings", "evaluate_drives", "evaluate_labelled", "open_drives"]

SHIPPED = Settings()
PART = 8  # unrelated pictures that a worker gets at a time, whatever the number of workers

Progress = Callable[[int, int, int], None]  # frames seen, units done, all units


def unwatched(frames: int, done: int, units: int) -> None:
    """No progress shown."""


def evaluate_drives(
    texts: Sequence[str],
    settings: Settings = SHIPPED,
    workers: int | None = 1,
    ray: str | None = None,
    progress: Progress = unwatched,
    out: Path | None = None,
) -> Result:
    """See and judge every frame of the drives that `texts` name (`open_labelled`).

    workers: processes, each with its own network; 1: this one; None: one a core. ray: the address of a
    cluster that does the work instead, with at most so many workers. out: a folder for result.json, Parquet
    files and scenes (`results`). A drive that fails is named in `Result.failed`, and the others go on.
    Raises DataError, also if all fail; SourceError, BundleError, SinkError, BackendUnavailable.
    """
    return evaluate_labelled(open_drives(texts, settings), settings, workers, ray, progress, out, texts)


def open_drives(texts: Sequence[str], settings: Settings = SHIPPED) -> list[Labelled]:
    """With labels in the classes of the bundle that sees them.

    Raises DataError, SourceError if one is not there, or two have one name.
    """
    asked = asked_of(settings)
    drives: list[Labelled] = []
    for text in texts:  # of several data folders the blank frames are the same
        drives += [own for own in open_labelled(text, asked) if not (is_blank(own) and own in drives)]
    names = [drive.name for drive in drives]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"expected drives of different names, got {', '.join(twice)} twice. Rename one")
    return drives


def is_blank(drive: Labelled) -> bool:
    """Are they frames of nothing? Every data folder brings the same."""
    return isinstance(drive, Stills) and all(isinstance(item, Blank) for item in drive.items)


def asked_of(settings: Settings) -> Asked:
    """Raises BundleError."""
    vocabulary = Vocabulary.of_bundle(bundles.read(settings.pipeline.folder))
    return Asked(vocabulary=vocabulary, limit=settings.limit, parts=settings.parts)


def evaluate_labelled(
    drives: Sequence[Labelled],
    settings: Settings = SHIPPED,
    workers: int | None = 1,
    ray: str | None = None,
    progress: Progress = unwatched,
    out: Path | None = None,
    sources: Sequence[str] = (),
) -> Result:
    """The same for drives that are open; `sources`: how to open them again."""
    spec = bundles.read(settings.pipeline.folder)
    units = _units(drives, settings)
    pieces = _doers(units, partial(opened, settings, dict(spec.sha256)), workers, ray)
    names = [drive.name for drive in drives]
    with staged(out, names) if out else nullcontext() as folder, closing(pieces):
        scenes = SceneFiles(folder / SCENES, names) if folder else None
        seen = collect(pieces, units, scenes, progress)
        facts = {**_facts(settings), "sources": list(sources)}
        result = _result(drives, seen, facts)
        if folder:
            write_result(result, folder)
    return result


def _units(drives: Sequence[Labelled], settings: Settings) -> list[Unit]:
    """Drives in one piece first, as they take longest: pictures then keep all workers busy to the end.

    Raises DataError if pictures without a clock are to be replayed in real time.
    """
    whole, parts = list[Unit](), list[Unit]()
    for number, drive in enumerate(drives):
        if settings.pace and len(drive.parts(1)) > 1:
            raise DataError(
                f"{drive.name}: expected a recorded drive to replay in real time, got unrelated pictures; "
                "see every frame of them (--pace every)"
            )
        units = [Unit(number, part, labelled) for part, labelled in enumerate(drive.parts(PART))]
        (parts if len(units) > 1 else whole).extend(units)
    return whole + parts


def _doers(
    units: Sequence[Unit], opening: Opening, workers: int | None, ray: str | None
) -> Generator[Piece, None, None]:
    if ray is not None:
        from perception.evaluation.cluster import on_cluster

        return on_cluster(units, opening, ray, workers)
    workers = min(workers or len(os.sched_getaffinity(0)), len(units))
    if workers > 1:
        from perception.evaluation.pool import in_processes

        return in_processes(units, opening, workers)
    return alone(units, opening)


@dataclass
class Seen:
    """What was heard of one drive."""

    units: int = 0  # that are still to end
    records: dict[int, list[FrameRecord]] = field(default_factory=dict)  # by part
    account: Account = field(default_factory=Account)
    failure: str | None = None

    def in_order(self) -> list[FrameRecord]:
        return [record for part in sorted(self.records) for record in self.records[part]]


def collect(
    pieces: Iterator[Piece], units: Sequence[Unit], scenes: SceneFiles | None, progress: Progress
) -> dict[int, Seen]:
    """Drive -> what was heard of it; its scenes are written on the way."""
    seen: dict[int, Seen] = {}
    for unit in units:
        seen.setdefault(unit.drive, Seen()).units += 1
    frames = done = 0
    try:
        for piece in pieces:
            _hear(seen[piece.drive], piece, scenes)
            frames, done = frames + len(piece.records), done + piece.last
            progress(frames, done, len(units))
    finally:
        if scenes:
            scenes.discard()
    return seen


def _hear(drive: Seen, piece: Piece, scenes: SceneFiles | None) -> None:
    drive.records.setdefault(piece.part, []).extend(piece.records)
    drive.account += Account(
        len(piece.records) + piece.dropped + piece.lost,
        answered=len(piece.records),
        dropped=piece.dropped,
        lost=piece.lost,
    )
    drive.units -= piece.last
    drive.failure = drive.failure or piece.failure
    if scenes and drive.failure:
        scenes.discard(piece.drive)
    elif scenes:
        scenes.add(piece.drive, piece.part, piece.scenes, piece.last)
        if not drive.units:
            scenes.commit(piece.drive)


def _result(drives: Sequence[Labelled], seen: Mapping[int, Seen], facts: Mapping[str, Any]) -> Result:
    """Raises DataError if there is nothing."""
    empty = Seen()
    heard = [(drive, seen.get(number, empty)) for number, drive in enumerate(drives)]
    failed = {drive.name: own.failure for drive, own in heard if own.failure}
    good = [(drive, own) for drive, own in heard if not own.failure]
    records = [record for _, own in good for record in own.in_order()]
    if not records:
        said = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise DataError(f"expected labelled frames, got none. {said or 'Choose other drives'}")
    rows = [
        {
            "name": drive.name,
            "frames": len(own.in_order()),
            **asdict(own.account),
            "remarks": list(drive.remarks),
        }
        for drive, own in good
    ]
    total = sum((own.account for _, own in good), Account())
    account = {"account": asdict(total), "dropped": total.dropped}
    return Result({**facts, **account, "drives": rows, "failed": failed}, records)


def _facts(settings: Settings) -> dict[str, Any]:
    return {
        **settings.pipeline.facts(),
        "limit": settings.limit,
        "pace": str(settings.pace) if settings.pace else "every frame",
        "deadline_ms": settings.deadline_ms,
        "machine": machine(),
    }
