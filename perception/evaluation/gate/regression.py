"""Scenes against stored scenes, field by field: did a change of code, bundle or machine change what is seen?

Neither needs labels. Objects and lines are paired first, so that one that is missing does not shift the rest.
Times and names of files are ignored, and so are keys that docs/scenes.md does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perception.errors import SourceError
from perception.evaluation.gate.tolerances import EXACT, Table, Tolerance
from perception.sinks.scenes import Record, boxes
from perception.tasks.detection.matching import overlaps

TASKS = ("detections", "signs", "lanes", "drivable")
PAIRED_IOU = 0.5  # boxes that overlap less are different objects
PAIRED_WIDTH = 0.03  # lines that lie further apart, as a share of the picture's width, are different ones
EDGE = "road_edge"  # a kind of line that is never taken for paint
NEVER = float("inf")  # the difference between something and nothing


@dataclass(frozen=True)
class Element:
    """One thing that was compared."""

    field: str
    difference: float
    was: str = ""
    now: str = ""


@dataclass
class Finding:
    """All elements of one field of a drive."""

    field: str
    tolerance: Tolerance
    count: int = 0
    beyond: int = 0
    worst: float = 0.0
    first: tuple[int, str, str] | None = None  # frame, what it was and is, where it first went beyond

    @property
    def passed(self) -> bool:
        return self.beyond <= self.tolerance.share * self.count

    def add(self, element: Element, seq: int) -> None:
        self.count += 1
        self.worst = max(self.worst, element.difference)
        if element.difference > self.tolerance.limit + 1e-9:  # both numbers are rounded decimals
            self.beyond += 1
            self.first = self.first or (seq, element.was, element.now)

    def __str__(self) -> str:
        many = f"{self.beyond} of {self.count} beyond {self.tolerance.limit:g}"
        worst = "" if self.worst in (0, 1, NEVER) else f", at most by {self.worst:.3g}"
        if self.first is None:
            return f"{self.field}: {many}{worst}"
        seq, was, now = self.first
        allowed = f" (allowed: {self.tolerance.share:.1%})" if self.tolerance.share else ""
        return f"{self.field}: {many}{allowed}{worst}; first in frame {seq}: was {was}, is {now}"


def compare_scenes(reference: Iterable[Record], scenes: Iterable[Record], table: Table) -> list[Finding]:
    """Of every field; those that failed first, in the order of their frames.

    Raises SourceError for a record that is not as docs/scenes.md says.
    """
    found: dict[str, Finding] = {}
    seq = 0
    try:
        for was, now in _aligned(iter(reference), iter(scenes)):
            seq = (was or now or {})["seq"]
            for element in frame_elements(was, now):
                limits = table.get(element.field, EXACT)
                found.setdefault(element.field, Finding(element.field, limits)).add(element, seq)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        wanted = "the fields of docs/scenes.md"
        raise SourceError(f"frame {seq}: expected {wanted}, got {error!r}; store the scenes again") from error
    return sorted(found.values(), key=lambda x: (x.passed, x.first[0] if x.first else NEVER))


def frame_elements(was: Record | None, now: Record | None) -> Iterator[Element]:
    """Everything that can be compared in a frame; None: the frame is missing on that side."""
    if was is None or now is None:
        yield Element("frames", NEVER, _presence(was), _presence(now))
        return
    yield Element("frames", 0.0)
    yield _same("size", was["size"], now["size"])
    ran = [[task for task in TASKS if task in record] for record in (was, now)]
    yield _same("tasks", *ran)
    for task in (task for task in TASKS if task in was and task in now):
        yield from COMPARE[task](was, now)


def _aligned(
    reference: Iterator[Record], scenes: Iterator[Record]
) -> Iterator[tuple[Record | None, Record | None]]:
    """Pairs by frame number, in order; both are read once and side by side."""
    was, now = next(reference, None), next(scenes, None)
    while was is not None or now is not None:
        if now is None or (was is not None and was["seq"] < now["seq"]):
            yield was, None
            was = next(reference, None)
        elif was is None or now["seq"] < was["seq"]:
            yield None, now
            now = next(scenes, None)
        else:
            yield was, now
            was, now = next(reference, None), next(scenes, None)


def _objects(task: str) -> Callable[[Record, Record], Iterator[Element]]:
    """The comparison of a list of boxes."""

    def elements(was: Record, now: Record) -> Iterator[Element]:
        old, new = was[task], now[task]
        apart = 1 - overlaps(boxes(old), boxes(new), np.zeros(len(new), bool))
        for a, b in _pairs(old, new, apart, 1 - PAIRED_IOU):
            if a is None or b is None:
                yield from _unpaired(task, a, b, "class")
                continue
            yield Element(f"{task}.missing", 0.0)
            yield Element(f"{task}.new", 0.0)
            yield Element(f"{task}.box", _most(a["box"], b["box"]), str(a["box"]), str(b["box"]))
            yield Element(f"{task}.score", abs(a["score"] - b["score"]), str(a["score"]), str(b["score"]))
            yield _same(f"{task}.class", a["class"], b["class"])

    return elements


def _lanes(was: Record, now: Record) -> Iterator[Element]:
    old, new = was["lanes"], now["lanes"]
    apart = np.array([[_apart(a["points"], b["points"])[0] for b in new] for a in old])
    edges, others = (np.array([line["kind"] == EDGE for line in side], bool) for side in (old, new))
    apart = np.where(edges[:, None] == others, apart.reshape(len(old), len(new)), NEVER)
    limit = PAIRED_WIDTH * was["size"][0]
    for a, b in _pairs(old, new, apart, limit):
        if a is None or b is None:
            yield from _unpaired("lanes", a, b, "kind")
            continue
        _, most, reach = _apart(a["points"], b["points"])
        yield Element("lanes.missing", 0.0)
        yield Element("lanes.new", 0.0)
        yield Element("lanes.points", most, _line(a), _line(b))
        yield Element("lanes.reach", reach, _line(a), _line(b))
        yield Element("lanes.score", abs(a["score"] - b["score"]), str(a["score"]), str(b["score"]))
        yield _same("lanes.kind", a["kind"], b["kind"])
        if "road" in a and "road" in b:
            road = [[point[::-1] for point in x["road"] if None not in point] for x in (a, b)]
            if min(map(len, road)) > 1:
                yield Element("lanes.road", _apart(*road)[1], str(a["road"][0]), str(b["road"][0]))


def _drivable(was: Record, now: Record) -> Iterator[Element]:
    a, b = was["drivable"]["share"], now["drivable"]["share"]
    yield Element("drivable.share", abs(a - b), str(a), str(b))


COMPARE: dict[str, Callable[[Record, Record], Iterator[Element]]] = {
    "detections": _objects("detections"),
    "signs": _objects("signs"),
    "lanes": _lanes,
    "drivable": _drivable,
}


def _pairs(
    old: Sequence[Record], new: Sequence[Record], cost: np.ndarray, limit: float
) -> Iterator[tuple[Record | None, Record | None]]:
    """The nearest pair first, up to `limit`; then what is left of either."""
    free = np.where(cost <= limit, cost, NEVER)
    left, right = list(range(len(old))), list(range(len(new)))
    while free.size and np.isfinite(free).any():
        i, j = divmod(int(free.argmin()), len(new))
        yield old[i], new[j]
        free[i, :], free[:, j] = NEVER, NEVER
        left.remove(i)
        right.remove(j)
    yield from ((old[i], None) for i in left)
    yield from ((None, new[j]) for j in right)


def _unpaired(task: str, was: Record | None, now: Record | None, kind: str) -> Iterator[Element]:
    there = was or now or {}
    text = f"{there[kind]} of score {there['score']}"
    if was is not None:
        yield Element(f"{task}.missing", NEVER, text, "nothing")
    else:
        yield Element(f"{task}.new", NEVER, "nothing", text)


def _apart(a: Sequence[Any], b: Sequence[Any]) -> tuple[float, float, float]:
    """Mean and largest distance of two lines at the heights both have, and how far their ends differ.

    Infinite where they share less than half of the shorter one's height.
    """
    p, q = (np.asarray(line, np.float64)[np.argsort([xy[1] for xy in line])] for line in (a, b))
    ends = np.array([[line[0, 1], line[-1, 1]] for line in (p, q)])
    low, high = ends[:, 0].max(), ends[:, 1].min()
    reach = float(np.abs(ends[0] - ends[1]).max())
    if high - low < 0.5 * np.diff(ends).min():
        return NEVER, NEVER, reach
    rows = np.unique(np.clip(np.concatenate([p[:, 1], q[:, 1]]), low, high))
    shared = [np.column_stack([np.interp(rows, line[:, 1], line[:, 0]), rows]) for line in (p, q)]
    apart = np.concatenate([_to_line(shared[0], q), _to_line(shared[1], p)])
    return float(apart.mean()), float(apart.max()), reach


def _to_line(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """(n,) distances of points (n, 2) to a polyline (m, 2)."""
    start, along = line[:-1], np.diff(line, axis=0)
    if not len(along):
        return np.hypot(*(points - line[0]).T)
    length = np.maximum((along**2).sum(1), 1e-12)
    at = ((points[:, None] - start) * along).sum(2) / length
    nearest = start + np.clip(at, 0, 1)[..., None] * along
    return np.hypot(*np.moveaxis(points[:, None] - nearest, 2, 0)).min(1)


def _same(field: str, was: object, now: object) -> Element:
    return Element(field, float(was != now), str(was), str(now))


def _most(a: Sequence[float], b: Sequence[float]) -> float:
    return max(abs(x - y) for x, y in zip(a, b, strict=True))


def _line(row: Record) -> str:
    return f"{row['points'][0]} to {row['points'][-1]}"


def _presence(record: Record | None) -> str:
    return "missing" if record is None else "there"
