"""How far the readings of signs can be trusted, by the scores of their boxes and of the readings."""

from __future__ import annotations

import numpy as np

from perception.types import Signs


def confidence(signs: Signs, xyxy: np.ndarray, score: np.ndarray) -> float:
    """The F1 that the scores promise, of signs that are found and read: as that of objects.

    `xyxy` (n, 4) and `score` (n,) of all that were found, of which `signs` were read, in this order. A
    reading is right if there is a sign and it is of this class.
    """
    read = score if len(score) == len(signs) else score[_places(signs.xyxy.tolist(), xyxy.tolist())]
    return 2 * float(read @ signs.score) / (len(signs) + float(score.sum()))


def _places(some: list[list[float]], every: list[list[float]]) -> list[int]:
    return [every.index(box) for box in some]
