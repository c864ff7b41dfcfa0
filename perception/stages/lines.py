"""Lane lines over time: numbers that stay, roles by where they meet the bottom of the image, short gaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan

import numpy as np

from perception.stages import paint
from perception.stages.assignment import NEVER, assigned
from perception.types import LaneLine, Size

ROWS = np.linspace(0.97, 0.5, 12)  # heights of the image, 1 bottom: where lines are compared
REACH = 0.03  # of the image width: lines farther apart than that, across them, are two
SHOWN_S = 0.3  # a line that was seen often enough is given out so long unseen, as predicted
SEEN_S = 0.25  # how long one must be followed before that
KEPT_S = 1.0  # a number is kept so long
NEW = 0.6  # weight of what is seen against what was expected, at 10 frames a second or more
SWAY = 0.3  # weight of a new sideways speed
MOST_SWAY = 0.5  # image widths a second
ROLES = (("next_left", "ego_left"), ("ego_right", "next_right"))


@dataclass
class _Line:
    number: int
    line: LaneLine  # as it was seen last
    image: np.ndarray  # as given out last
    at: np.ndarray  # (len(ROWS),) columns, pixels; NaN where the line is not
    sway: float = 0.0  # pixels a second to the right
    unseen: float = 0.0  # seconds
    age: float = 0.0
    road: np.ndarray | None = None  # of `image`, if known


class Lines:
    """Follows the lines of one camera."""

    def __init__(self, road_edge: int) -> None:
        self._road_edge = road_edge
        self._next = 0
        self._known: list[_Line] = []
        self._size: Size | None = None

    def clear(self) -> None:
        self._known = []

    def __call__(
        self, lanes: tuple[LaneLine, ...], size: Size, dt: float, middle: float | None = None
    ) -> tuple[LaneLine, ...]:
        """The same lines with `id` and `role`, left to right, and those predicted over a gap.

        `middle`: the column below which the vehicle is, pixels; None: that of the image.
        """
        if size != self._size:
            self.clear()
            self._size = size
        rows = ROWS * size[1]
        points, ends = paint.packed([line.image for line in lanes])
        if not np.isfinite(points).all() or (np.diff(ends) == 0).any():
            lanes = tuple(line for line in lanes if len(line.image) and np.isfinite(line.image).all())
            points, ends = paint.packed([line.image for line in lanes])
        at = paint.columns(points, ends, rows)
        expected = self._carried(dt)
        chosen = self._pairs(lanes, at, expected, rows, REACH * size[0])
        new = min(1.0, NEW * max(1.0, dt / 0.1))
        seen = [np.full(len(rows), np.nan) if j < 0 else expected[j] for j in chosen]
        known = np.array(seen).reshape(at.shape)
        drift = paint.settled(points, ends, at, known, rows, new, REACH * size[0], size).tolist()
        begun = []
        for k, (line, j) in enumerate(zip(lanes, chosen, strict=True)):
            image = points[ends[k] : ends[k + 1]]
            if j < 0:
                begun.append(_Line(self._next, line, image, at[k], road=line.road))
                self._next += 1
            else:
                _update(self._known[j], line, image, at[k], drift[k], dt, MOST_SWAY * size[0])
        self._known = [old for old in self._known + begun if old.unseen <= KEPT_S]
        seen_now = [old for old in self._known if not old.unseen]
        return self._with_roles(
            seen_now + self._predicted(seen_now, rows, size, dt),
            size,
            size[0] / 2 if middle is None else middle,
        )

    def _carried(self, dt: float) -> np.ndarray:
        """(known, len(ROWS)): where the known lines are expected, and they are told that time went by."""
        for old in self._known:
            old.at = old.at + old.sway * dt
            old.unseen += dt
        return np.array([old.at for old in self._known]).reshape(-1, len(ROWS))

    def _predicted(self, seen: list[_Line], rows: np.ndarray, size: Size, dt: float) -> list[_Line]:
        """Lines that were followed long enough, are not seen now, with nothing else in their place."""
        missed = [old for old in self._known if 0 < old.unseen <= SHOWN_S and old.age > SEEN_S]
        for old in missed:
            old.image, old.road = old.image + np.array((old.sway * dt, 0), np.float32), None
        if not missed or not seen:
            return missed
        apart = paint.apart(np.array([old.at for old in missed]), np.array([new.at for new in seen]), rows)
        free = apart.min(1) > REACH * size[0]
        return [old for old, alone in zip(missed, free, strict=True) if alone]

    def _pairs(
        self, lanes: tuple[LaneLine, ...], at: np.ndarray, known: np.ndarray, rows: np.ndarray, reach: float
    ) -> list[int]:
        """Of each line, which known one it is; -1: a new one."""
        if not lanes or not self._known:
            return [-1] * len(lanes)
        cost = paint.apart(at, known, rows)
        edge = np.array([line.kind == self._road_edge for line in lanes])
        other = edge[:, None] != np.array([old.line.kind == self._road_edge for old in self._known])
        cost[other] = NEVER
        chosen = assigned(np.minimum(cost, 2 * reach)).tolist()
        return [j if j >= 0 and cost[k, j] < reach else -1 for k, j in enumerate(chosen)]

    def _with_roles(self, shown: list[_Line], size: Size, middle: float) -> tuple[LaneLine, ...]:
        feet = {old.number: paint.foot(old.image, size[1]) for old in shown}
        shown = sorted(shown, key=lambda old: feet[old.number])
        painted = [old for old in shown if old.line.kind != self._road_edge]
        left = [old.number for old in painted if feet[old.number] < middle][-2:]
        right = [old.number for old in painted if feet[old.number] >= middle][:2]
        role = dict(zip(reversed(left), reversed(ROLES[0]), strict=False))
        role |= dict(zip(right, ROLES[1], strict=False))
        return tuple(
            LaneLine(
                old.image,
                old.road,
                old.line.score,
                old.line.kind,
                old.number,
                role.get(old.number, ""),
                old.unseen > 0,
            )
            for old in shown
        )


def in_sight(lanes: tuple[LaneLine, ...], size: Size, boxes: np.ndarray) -> tuple[LaneLine, ...]:
    """Predicted lines only in the image, where no box (n, 4) of an object hides them: their longest stretch
    that leads away from the vehicle.

    Lines that are seen stay as they are.
    """
    shown = []
    for line in lanes:
        if not line.predicted:
            shown.append(line)
            continue
        x, y = line.image[:, :1], line.image[:, 1:]
        aside, above = (x >= boxes[:, 0]) & (x <= boxes[:, 2]), (y >= boxes[:, 1]) & (y <= boxes[:, 3])
        hidden = (aside & above).any(axis=1) | ((line.image < 0) | (line.image > size)).any(axis=1)
        ends = np.flatnonzero(np.diff(np.concatenate([[True], hidden, [True]]))).reshape(-1, 2)
        first, last = max(ends.tolist(), key=lambda end: end[1] - end[0], default=(0, 0))
        if last - first > 1 and line.image[last - 1, 1] < line.image[first, 1]:
            road = None if line.road is None else line.road[first:last]
            shown.append(replace(line, image=line.image[first:last], road=road))
    return tuple(shown)


def _update(
    old: _Line, line: LaneLine, image: np.ndarray, at: np.ndarray, drift: float, dt: float, most: float
) -> None:
    """Seen again, `drift` pixels right of where it was expected; a steady drift is expected."""
    if dt > 0 and not isnan(drift):
        old.sway = min(max(old.sway + SWAY * drift / max(dt, 0.03), -most), most)
    old.line, old.image, old.at, old.road = line, image, at, line.road
    old.age += old.unseen
    old.unseen = 0.0
