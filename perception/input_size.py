"""How large the network sees a picture: which input size for which camera.

A convolutional network takes any size whose sides are multiples of STRIDE. A small one is fast, a large one
sees small things; one of another shape than the camera's is partly grey border.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from math import prod
from numbers import Integral

from perception.convention import STRIDES
from perception.errors import PerceptionError
from perception.letterbox import Letterbox
from perception.types import Size

STRIDE = max(STRIDES)  # image pixels a cell of the coarsest map
TOLERANCE = 0.08  # of the cost
LEAST, MOST = 0.1, 16.0  # factors
LONGEST = 4096  # network pixels a side
FORMS = "auto, WIDTHxHEIGHT or a factor such as 2x"


@dataclass(frozen=True)
class InputSize:
    """A wish: one size for all cameras, or each camera's shape at `factor` times the cost of a reference."""

    fixed: Size | None = None
    factor: float = 1.0

    @classmethod
    def parse(cls, text: str | Size) -> InputSize:
        """`auto`, `WxH`, `Nx`, or (width, height). Raises PerceptionError.

        >>> InputSize.parse("960x576"), InputSize.parse("1.5x").factor
        (InputSize(fixed=(960, 576), factor=1.0), 1.5)
        """
        if not isinstance(text, str):
            return cls(fixed=_checked(_pair(text)))
        if text == "auto":
            return cls()
        if both := re.fullmatch(r"(\d+)x(\d+)", text):
            return cls(fixed=_checked((int(both[1]), int(both[2]))))
        if times := re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)x", text):
            return cls(factor=_factor(float(times[1])))
        raise PerceptionError(f"expected an input size as {FORMS}, got {text!r}")

    def sizes(self, reference: Size) -> Callable[[Size], Size]:
        """Image size -> network size, for a network trained for `reference`."""
        if self.fixed is not None:
            return partial(_constant, self.fixed)
        return partial(fitting, cost=self.factor * prod(reference))


def _constant(size: Size, image: Size) -> Size:
    return size


def _pair(given: object) -> Size:
    """Also of a list, as YAML and JSON have it."""
    if isinstance(given, Sequence) and len(given) == 2 and all(isinstance(side, Integral) for side in given):
        return int(given[0]), int(given[1])
    raise PerceptionError(f"expected an input size as {FORMS}, or (width, height), got {given!r}")


def _checked(size: Size) -> Size:
    if any(side % STRIDE or not STRIDE <= side <= LONGEST for side in size):
        raise PerceptionError(
            f"expected an input size of multiples of {STRIDE} from {STRIDE} to {LONGEST}, "
            f"got {size[0]}x{size[1]}; the nearest is {_nearest(size[0])}x{_nearest(size[1])}"
        )
    return size


def _nearest(side: int) -> int:
    return min(max(STRIDE, round(side / STRIDE) * STRIDE), LONGEST)


def _factor(factor: float) -> float:
    if not LEAST <= factor <= MOST:
        raise PerceptionError(f"expected an input size of {LEAST:g}x to {MOST:g}x, got {factor:g}x")
    return factor


@lru_cache(64)
def fitting(image: Size, cost: float) -> Size:
    """The input size of about `cost` pixels for images of size `image`.

    Of the sizes within TOLERANCE of the cost, the one with the least of border and cost together: a percent
    of border counts as much as a percent of cost, more or less.

    >>> [fitting(camera, 640 * 384) for camera in [(1280, 720), (1242, 375), (640, 480), (720, 1280)]]
    [(640, 384), (864, 288), (576, 416), (384, 640)]
    """
    cells, most = cost / STRIDE**2, LONGEST // STRIDE
    rows = range(1, min(max(1, round(cells)), most) + 1)
    sizes = {
        (min(max(1, columns), most) * STRIDE, row * STRIDE)
        for row in rows
        for columns in range(int(cells * (1 - TOLERANCE) / row), int(cells * (1 + TOLERANCE) / row) + 2)
    }
    near = [size for size in sizes if abs(prod(size) / cost - 1) <= TOLERANCE]
    return min(near or sizes, key=lambda size: (_loss(image, size, cost), size))


def _loss(image: Size, size: Size, cost: float) -> float:
    """The share of the input that is border, and how far its cost is from the one asked for."""
    return 1 - prod(Letterbox.fit(image, size).inner) / prod(size) + abs(prod(size) / cost - 1)
