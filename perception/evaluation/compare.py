"""Two evaluations of the same frames: which metrics differ, and how sure that is.

The interval is a paired bootstrap (Efron and Tibshirani 1993, ch. 16; Koehn 2004): frames are drawn again and
again with replacement, the same ones for both, and the difference is computed anew each time. Frames that
follow each other look alike and would make the interval too narrow, so whole drives are drawn where there
are enough, else seconds of driving; unrelated pictures one by one. What rests on so few of them that draws
without one are not rare is left undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np

from perception.errors import DataError
from perception.evaluation.names import OF_DRIVES, Name, judging
from perception.evaluation.records import FrameRecord, resampled
from perception.tasks.evidence import split
from perception.tasks.ratio import ratio

TIMES, SEED = 1000, 0
GROUP_TIMES = 400  # of drives and tags
ENOUGH = 10  # drives, or seconds, to draw from
KNOWN = 0.98  # of the draws must hold some truth of a metric: about four drives, seconds or frames with it
LEVEL = (2.5, 97.5)  # percentiles: the 95 % interval
SECOND = 1_000_000_000

UNKNOWN = (float("nan"), float("nan"))

Evaluated = tuple[str, Sequence[FrameRecord]]  # what was evaluated, and what its frames said
Pairs = tuple[list[FrameRecord], list[FrameRecord]]


@dataclass(frozen=True)
class Difference:
    """One metric in both evaluations; NaN bounds: too few frames to say."""

    name: str
    before: float
    after: float
    low: float  # of after - before
    high: float

    @property
    def value(self) -> float:
        return self.after - self.before

    @property
    def mark(self) -> str:
        """`better`, `worse`, or `undecided`: the interval holds zero."""
        sign = -1 if Name.of(self.name).falling else 1
        if not (self.low > 0 or self.high < 0):
            return "undecided"
        return "better" if sign * self.value > 0 else "worse"


@dataclass(frozen=True)
class Basis:
    """What the intervals stand on."""

    frames: int  # in both
    only_before: int
    only_after: int
    unit: str  # what was drawn: drives, seconds, frames
    units: int


Headlines = Mapping[str, Difference]  # task -> the mean over its sets


@dataclass(frozen=True)
class Comparison:
    """Two evaluations side by side."""

    before: str  # what was evaluated
    after: str
    basis: Basis
    differences: Sequence[Difference]  # of every metric that both have
    tasks: Headlines
    drives: Mapping[str, Headlines]  # empty if there is only one
    tags: Mapping[str, Headlines]


def key_of(record: FrameRecord) -> tuple[str, int, str]:
    """What tells a frame from all others: drive, number and the name of its picture.

    With a limit, pictures are numbered as they were chosen; the folder that they lie in may be another one.
    """
    return record.drive, record.seq, PurePath(record.source).name


def paired(before: Sequence[FrameRecord], after: Sequence[FrameRecord]) -> Pairs:
    """The frames that are in both, in the order of `before`. Raises DataError if there are none."""
    known = {key_of(record): record for record in after}
    both = [(record, known[key]) for record in before if (key := key_of(record)) in known]
    if not both:
        drives = [sorted({record.drive for record in side})[:5] for side in (before, after)]
        raise DataError(
            f"expected two evaluations of the same frames, got the drives {drives[0]} and {drives[1]} "
            "without a frame in common. Evaluate both on the same drives, with the same --limit"
        )
    return [a for a, _ in both], [b for _, b in both]


def units(records: Sequence[FrameRecord]) -> tuple[np.ndarray, str]:
    """(F,) which unit each frame belongs to, and what the units are: the coarsest with ENOUGH of them.

    Pictures without stamps are units by themselves, whatever the set that they are in.
    """
    recorded = {r.drive for r in records if r.stamp_ns}
    keys: Mapping[str, Callable[[FrameRecord], object]] = {
        "drives": lambda r: r.drive,
        "seconds": lambda r: (r.drive, r.stamp_ns // SECOND),
        "frames": lambda r: (r.drive, r.seq),
    }
    least = {"drives": len(recorded) >= ENOUGH, "seconds": bool(recorded), "frames": True}
    for unit in (unit for unit, enough in least.items() if enough):
        own = [keys[unit if r.drive in recorded else "frames"](r) for r in records]
        numbers = {key: k for k, key in enumerate(dict.fromkeys(own))}
        if len(numbers) >= ENOUGH:
            break
    pictures = unit != "frames" and any(r.drive not in recorded for r in records)
    return np.array([numbers[key] for key in own]), f"{unit} and pictures" if pictures else unit


def compare(before: Evaluated, after: Evaluated, times: int = TIMES) -> tuple[Comparison, Pairs]:
    """Raises DataError if no frame is in both."""
    pairs = paired(before[1], after[1])
    unit_of, unit = units(pairs[0])
    both = len(pairs[0])
    basis = Basis(both, len(before[1]) - both, len(after[1]) - both, unit, int(unit_of.max()) + 1)
    drives = _places(pairs[0], lambda record: (record.drive,))
    tags = _places(pairs[0], lambda record: record.tags)
    found, tasks = differences(pairs, times)
    groups = [
        {name: differences(_some(pairs, at), min(times, GROUP_TIMES))[1] for name, at in own.items()}
        if len(own) > 1
        else {}
        for own in (drives, tags)
    ]
    return Comparison(before[0], after[0], basis, found, tasks, *groups), pairs


def differences(pairs: Pairs, times: int = TIMES) -> tuple[list[Difference], dict[str, Difference]]:
    """Of every metric that both have, and of the score of each task."""
    unit_of, unit = units(pairs[0])
    count = int(unit_of.max()) + 1
    weights = draws(count, times)[:, unit_of]
    every = np.vstack([np.ones(len(unit_of)), weights])  # first all frames as they are
    old, new = (resampled(side, every) for side in pairs)
    known = [name for name in old if name in new and np.isfinite([old[name][0], new[name][0]]).all()]
    drawn = {name: unit.startswith("drives") or Name.of(name).task not in OF_DRIVES for name in known}
    found = [_difference(name, old[name], new[name], count if drawn[name] else 1) for name in known]
    tasks = {}
    for task, members in judging(known).items():
        means = [mean_of_sets([side[name] for name in members]) for side in (old, new)]
        tasks[task] = _difference(members[0], means[0], means[1], count)
    return found, tasks


def _difference(name: str, old: np.ndarray, new: np.ndarray, count: int) -> Difference:
    """Of a metric of all frames, followed by that of each draw; `count` units were drawn from.

    Draws in which a metric has no truth are left out; with more than a few of them nothing is sure.
    """
    delta = (new - old)[1:]
    known = np.isfinite(delta)
    low, high = np.percentile(delta[known], LEVEL) if count > 1 and known.mean() >= KNOWN else UNKNOWN
    return Difference(name, float(old[0]), float(new[0]), float(low), float(high))


def mean_of_sets(values: Sequence[np.ndarray]) -> np.ndarray:
    """Over the sets; one of which a draw holds no truth is left out of it, and of none there is NaN."""
    table = np.stack(values)
    known = np.isfinite(table)
    return ratio(np.where(known, table, 0).sum(0), known.sum(0), np.nan)


def draws(count: int, times: int) -> np.ndarray:
    """(times, count) float64: how often each of `count` units was drawn; the same for the same arguments."""
    rng = np.random.default_rng(SEED)
    return rng.multinomial(count, np.full(count, 1 / count), times).astype(np.float64)


def _places(
    records: Sequence[FrameRecord], groups: Callable[[FrameRecord], Sequence[str]]
) -> dict[str, list[int]]:
    """Group -> the places of its frames, by name."""
    found: dict[str, list[int]] = {}
    for i, record in enumerate(records):
        for name in groups(record):
            found.setdefault(name, []).append(i)
    return dict(sorted(found.items()))


def _some(pairs: Pairs, places: Sequence[int]) -> Pairs:
    """Some frames, with what judges a task: nothing of single sizes."""
    before, after = ([_plain(side[i]) for i in places] for side in pairs)
    return before, after


def _plain(record: FrameRecord) -> FrameRecord:
    return replace(record, evidence={key: x for key, x in record.evidence.items() if not split(key)[1]})
