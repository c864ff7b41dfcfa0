"""What the metrics of tracking are made from: who was there in each frame, and how well boxes overlap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from perception.tasks.evidence import FORMULAS


@dataclass(frozen=True, eq=False)
class Moment:
    """One frame: n true objects, m seen ones."""

    truth: np.ndarray  # (n,) int64, a number for each object of the sequence
    seen: np.ndarray  # (m,) int64, track numbers
    similarity: np.ndarray  # (n, m) float64, 0..1, such as the IoU


def numbered(moments: Iterable[Moment]) -> tuple[list[Moment], int, int]:
    """The same with numbers from 0 without gaps, and how many true objects and tracks there are."""
    kept = list(moments)
    truth, t = _dense([moment.truth for moment in kept])
    seen, s = _dense([moment.seen for moment in kept])
    return [Moment(a, b, m.similarity) for a, b, m in zip(truth, seen, kept, strict=True)], t, s


def _dense(ids: list[np.ndarray]) -> tuple[list[np.ndarray], int]:
    every = np.concatenate([np.empty(0, np.int64), *ids])
    names, places = np.unique(every, return_inverse=True)
    return np.split(places, np.cumsum([len(own) for own in ids])[:-1]) if ids else [], len(names)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, m) float64: intersection over union of boxes (n, 4) and (m, 4), x1 y1 x2 y2."""
    inside = _inside(a, b)
    union = _area(a)[:, None] + _area(b)[None] - inside
    return np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)


def share_inside(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, m) float64: which share of each box of `a` lies in each of `b`."""
    inside, area = _inside(a, b), _area(a)[:, None]
    return np.divide(inside, area, out=np.zeros_like(inside), where=area > 0)


def _inside(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.clip(high - low, 0, None).astype(np.float64).prod(-1)


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).astype(np.float64).prod(-1)


def rates(kind: str, sums: np.ndarray) -> dict[str, float]:
    """The metrics of a kind of counts, by name; 0 where nothing is known."""
    formula = FORMULAS[kind]
    return dict(zip(formula.names, map(float, np.nan_to_num(formula.of(sums))), strict=True))
