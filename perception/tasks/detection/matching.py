"""Which found box is which true box: the rule of the COCO evaluation.

Found boxes choose, best first, the true box they overlap most, at least by the threshold. A true box is
taken once. A region (COCO's `iscrowd`) takes any number of boxes that found no object; how far it covers
a box counts, not how alike they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from perception.types import Detections

NONE = -1
ANY: Mapping[str, tuple[float, float]] = {"": (0.0, np.inf)}
SIZES = {**ANY, "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, np.inf)}  # COCO's


@dataclass(frozen=True, eq=False)
class Matched:
    """The found boxes of a picture, for s ranges of size and t thresholds."""

    right: np.ndarray  # (s, t, n) bool: an object's
    counts: np.ndarray  # (s, t, n) bool: judged
    objects: np.ndarray  # (s,) int: how many there were to find


def overlaps(found: np.ndarray, truth: np.ndarray, region: np.ndarray) -> np.ndarray:
    """(n, 4) and (m, 4) xyxy to (n, m) float64: intersection over union; over `found` where `region` (m,)."""
    found, truth = found.astype(np.float64), truth.astype(np.float64)
    low = np.maximum(found[:, None, :2], truth[None, :, :2])
    high = np.minimum(found[:, None, 2:], truth[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    own, other = area(found)[:, None], area(truth)[None]
    whole = np.where(region, own, own + other - shared)
    return shared / np.where(whole > 0, whole, 1.0)


def area(xyxy: np.ndarray) -> np.ndarray:
    """(n, 4) to (n,) float64."""
    xyxy = xyxy.astype(np.float64)
    return (xyxy[:, 2:] - xyxy[:, :2]).prod(1)


def match(
    found: np.ndarray,
    truth: np.ndarray,
    region: np.ndarray,
    thresholds: np.ndarray,
    ignored: np.ndarray | None = None,
) -> np.ndarray:
    """(t, n) int: the row of `truth` that each of `found` (n, 4), best first, stands for; NONE: no one.

    `ignored` (t, m) bool: not judged at that threshold, and chosen only if nothing else is; regions, if None.
    """
    overlap = overlaps(found, truth, region)
    limits = np.minimum(thresholds, 1 - 1e-10)[:, None]
    first = 2.0 * ~(region if ignored is None else ignored)  # objects before what is not judged
    free = np.ones((len(thresholds), len(truth)), bool)
    chosen = np.full((len(thresholds), len(found)), NONE)
    if not len(truth):
        return chosen
    rows = np.arange(len(thresholds))
    for i, row in enumerate(overlap):
        rank = np.where(free & (row >= limits), row + first, -1.0)
        best = len(truth) - 1 - rank[:, ::-1].argmax(1)  # of equals the last one, as COCO's own code
        hit = rank[rows, best] >= 0
        chosen[hit, i] = best[hit]
        free[rows[hit], best[hit]] = region[best[hit]]
    return chosen


def matched(
    found: Detections,
    truth: Detections,
    thresholds: np.ndarray,
    sizes: Mapping[str, tuple[float, float]] = ANY,
    areas: np.ndarray | None = None,
) -> Matched:
    """Boxes of one class, the found ones best first; in the truth, score 0 marks a region.

    `sizes`: least and greatest area in pixels. Objects of another size are not judged, nor are boxes of
    another size that found no object. `areas` (m,): of the true objects, if it is not that of their boxes.
    """
    region = truth.score == 0
    of_truth, of_found = area(truth.xyxy) if areas is None else areas, area(found.xyxy)
    ignored = np.stack([region | (of_truth < low) | (of_truth > high) for low, high in sizes.values()])
    other = np.stack([(of_found < low) | (of_found > high) for low, high in sizes.values()])
    shape = len(sizes), len(thresholds)
    rows = np.repeat(ignored, len(thresholds), 0)
    chosen = match(found.xyxy, truth.xyxy, region, np.tile(thresholds, len(sizes)), rows)
    hit = (chosen != NONE).reshape(*shape, -1)
    void = np.take_along_axis(np.pad(rows, ((0, 0), (0, 1))), chosen, 1).reshape(*shape, -1)
    return Matched(hit & ~void, np.where(hit, ~void, ~other[:, None]), (~ignored).sum(1))
