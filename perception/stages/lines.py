"""Lane lines over time: numbers that stay, roles by where they meet the bottom of the image, short gaps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from perception.kernels.cpu import compiled
from perception.stages.assignment import NEVER, assigned
from perception.types import LaneLine, Size

ROWS = np.linspace(0.97, 0.5, 12)  # heights of the image, 1 bottom: where lines are compared
REACH = 0.03  # of the image width: lines farther apart than that, across them, are two
COMMON = 3  # of ROWS, in which both must be
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
    line: LaneLine  # as given out last
    at: np.ndarray  # (len(ROWS),) columns, pixels; NaN where the line is not
    sway: float = 0.0  # pixels a second to the right
    unseen: float = 0.0  # seconds
    age: float = 0.0


class Lines:
    """Follows the lines of one camera."""

    def __init__(self, road_edge: int) -> None:
        self._road_edge = road_edge
        self._next = 0
        self._known: list[_Line] = []
        self._size: Size | None = None

    def clear(self) -> None:
        self._known = []

    def __call__(self, lanes: tuple[LaneLine, ...], size: Size, dt: float) -> tuple[LaneLine, ...]:
        """The same lines with `id` and `role`, left to right, and those predicted over a gap."""
        if size != self._size:
            self.clear()
            self._size = size
        rows = ROWS * size[1]
        lanes = tuple(line for line in lanes if len(line.image) and np.isfinite(line.image).all())
        at = [columns(line, rows) for line in lanes]
        for old in self._known:
            old.at = old.at + old.sway * dt
            old.unseen += dt
        chosen = self._pairs(lanes, at, rows, REACH * size[0])
        for k, (line, own) in enumerate(zip(lanes, at, strict=True)):
            known = chosen[k]
            if known is None:
                self._known.append(_Line(self._next, line, own))
                self._next += 1
            else:
                _update(known, line, own, rows, dt, MOST_SWAY * size[0])
        self._known = [old for old in self._known if old.unseen <= KEPT_S]
        seen = [old for old in self._known if not old.unseen]
        return self._with_roles(seen + self._predicted(seen, rows, size, dt), size)

    def _predicted(self, seen: list[_Line], rows: np.ndarray, size: Size, dt: float) -> list[_Line]:
        """Lines that were followed long enough, are not seen now, with nothing else in their place."""
        missed = [old for old in self._known if 0 < old.unseen <= SHOWN_S and old.age > SEEN_S]
        for old in missed:
            shifted = old.line.image + np.array((old.sway * dt, 0), np.float32)
            old.line = replace(old.line, image=shifted, road=None, predicted=True)
        if not missed or not seen:
            return missed
        apart = _apart(np.array([old.at for old in missed]), np.array([new.at for new in seen]), rows)
        free = apart.min(1) > REACH * size[0]
        return [old for old, alone in zip(missed, free, strict=True) if alone]

    def _pairs(
        self, lanes: tuple[LaneLine, ...], at: list[np.ndarray], rows: np.ndarray, reach: float
    ) -> list[_Line | None]:
        chosen: list[_Line | None] = [None] * len(lanes)
        if not lanes or not self._known:
            return chosen
        cost = _apart(np.array(at), np.array([old.at for old in self._known]), rows)
        edge = np.array([line.kind == self._road_edge for line in lanes])
        other = edge[:, None] != np.array([old.line.kind == self._road_edge for old in self._known])
        cost = np.where(other, NEVER, cost)
        for k, j in enumerate(assigned(np.minimum(cost, 2 * reach)).tolist()):
            if j >= 0 and cost[k, j] < reach:
                chosen[k] = self._known[j]
        return chosen

    def _with_roles(self, shown: list[_Line], size: Size) -> tuple[LaneLine, ...]:
        feet = {old.number: _foot(old.line.image, size[1]) for old in shown}
        paint = [old for old in shown if old.line.kind != self._road_edge]
        paint.sort(key=lambda old: feet[old.number])
        middle = size[0] / 2
        left = [old for old in paint if feet[old.number] < middle][-2:]
        right = [old for old in paint if feet[old.number] >= middle][:2]
        role = dict(zip((old.number for old in reversed(left)), reversed(ROLES[0]), strict=False))
        role |= dict(zip((old.number for old in right), ROLES[1], strict=False))
        shown = sorted(shown, key=lambda old: feet[old.number])
        return tuple(replace(old.line, id=old.number, role=role.get(old.number, "")) for old in shown)


def _update(old: _Line, line: LaneLine, at: np.ndarray, rows: np.ndarray, dt: float, most: float) -> None:
    """Seen again. What it was expected to be weighs in where both are known; a steady drift is expected."""
    rest = at - old.at
    both = np.isfinite(rest)
    image = line.image
    if both.any():
        new = min(1.0, NEW * max(1.0, dt / 0.1))
        back = (1 - new) * np.interp(image[:, 1], rows[both][::-1], rest[both][::-1])
        image = image - np.stack([back, np.zeros_like(back)], 1).astype(np.float32)
        at = at - np.where(both, (1 - new) * rest, 0.0)
        if dt > 0:
            old.sway = float(np.clip(old.sway + SWAY * rest[both].mean() / max(dt, 0.03), -most, most))
    old.line, old.at = replace(line, image=image, predicted=False), at
    old.age += old.unseen
    old.unseen = 0.0


@compiled
def _apart(a: np.ndarray, b: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n, m): how far lines (n, r) and (m, r) are from each other across them, pixels, in the mean.

    NEVER where fewer than COMMON rows have both.
    """
    out = np.full((len(a), len(b)), NEVER)
    for i in range(len(a)):
        for j in range(len(b)):
            total, n, first, last = 0.0, 0, -1, -1
            for k in range(len(rows)):
                if not (np.isnan(a[i, k]) or np.isnan(b[j, k])):
                    total += abs(a[i, k] - b[j, k])
                    n += 1
                    first = k if first < 0 else first
                    last = k
            if n >= COMMON:
                slope = (a[i, first] - a[i, last]) / (rows[first] - rows[last])
                out[i, j] = total / n / np.sqrt(1 + slope * slope)
    return out


def columns(line: LaneLine, rows: np.ndarray) -> np.ndarray:
    """Where a line is in these rows, pixels; below its near end drawn on, above its far end NaN."""
    x, y = line.image[::-1].T.astype(np.float64)  # far to near: y grows
    at = np.interp(rows, y, x)
    foot = min(6, len(x) - 1)
    if foot:
        slope = (x[-1] - x[-1 - foot]) / max(y[-1] - y[-1 - foot], 1e-3)
        below = rows > y[-1]
        at[below] = x[-1] + slope * (rows[below] - y[-1])
    at[rows < y[0]] = np.nan
    return at


def _foot(image: np.ndarray, bottom: float) -> float:
    """Column in which a line meets the bottom of the image."""
    (x, y), (far_x, far_y) = image[0].tolist(), image[min(6, len(image) - 1)].tolist()
    return float(x + (far_x - x) * (bottom - y) / min(far_y - y, -0.1))
