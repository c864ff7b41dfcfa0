"""How far lane lines can be trusted, by the scores along them."""

from __future__ import annotations

from collections.abc import Iterable

from perception.kernels.expected import length
from perception.letterbox import Letterbox
from perception.tasks.lanes.decode import ROAD_EDGE
from perception.types import LaneLine

PRIOR = 100.0  # network pixels of a line without any score: short pieces say little


def confidence(lines: Iterable[LaneLine], box: Letterbox) -> float | None:
    """The mean score along all lane lines, as if there were PRIOR more of score 0. None: no lines."""
    paint = [line for line in lines if line.kind != ROAD_EDGE]
    if not paint:
        return None
    lengths = [length(line.image) for line in paint]
    right = sum(long * line.score for long, line in zip(lengths, paint, strict=True))
    return right / (sum(lengths) + PRIOR * box.image[0] / box.inner[0])
