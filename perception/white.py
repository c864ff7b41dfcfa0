"""Which value is white in the 16-bit pictures of a source."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import cv2
import numpy as np

T = TypeVar("T")

DEEP, TWELVE = 65535, 4095  # cameras with 10 or 12 bits store them unshifted in 16
SAMPLES = 64  # pictures of a folder that are looked at

log = logging.getLogger(__name__)


class White:
    """Decided once for a source, and said: one bright pixel must not darken one picture among others.

    White is 4095 unless a pixel is brighter. Where pictures can be looked at beforehand, they are; where they
    come one by one, the first that is brighter than 4095 settles it for all that follow.
    """

    def __init__(self, source: str, brightest: Callable[[], Iterable[int]] = tuple) -> None:
        """`brightest`: of some pictures of the source, for when the first one of 16 bits comes."""
        self._source = source
        self._brightest = brightest
        self.value = 0  # not decided yet

    def narrowed(self, image: np.ndarray) -> np.ndarray:
        """uint16 to uint8."""
        if self.value != DEEP:
            self._look(image)
        return cv2.convertScaleAbs(image, alpha=255 / self.value)

    def _look(self, image: np.ndarray) -> None:
        known = () if self.value else self._brightest()
        value = DEEP if max([int(image.max()), *known]) > TWELVE else TWELVE
        if value != self.value:
            log.warning("%s: white is %d in these 16-bit pictures", self._source, value)
        self.value = value


def sample(items: Sequence[T]) -> list[T]:
    """Evenly spread, the first and the last among them."""
    last = len(items) - 1
    return [*items] if last < SAMPLES else [items[k * last // (SAMPLES - 1)] for k in range(SAMPLES)]
