"""The CPU half: one resize into a buffer that is kept.

Images larger than the input are shrunk by kernels of ours in whole-number arithmetic, as on a CUDA device:
every device sees the same pixels. Smaller ones are enlarged by OpenCV, whose rounding differs by one level.
"""

from __future__ import annotations

import numpy as np

from perception.kernels import cpu
from perception.letterbox import PAD, Letterbox


class CpuPreprocess:
    """Letterbox into a reused uint8 (1, h, w, 3) array, valid until the next call.

    The network's input quantiser is its normalisation, so nothing else is to do. The border is painted
    when the geometry changes, not with each frame.
    """

    def __init__(self) -> None:
        self._box: Letterbox | None = None
        self._tensor = np.empty((1, 0, 0, 3), np.uint8)
        self._inside = self._tensor[0]

    def __call__(self, image: np.ndarray, box: Letterbox) -> np.ndarray:
        if box != self._box:
            self._paint_border(box)
        if self._is_half(image):
            cpu.halve(image, self._inside)
        elif box.inner[0] < box.image[0]:
            cpu.shrink(cpu.plain(image), self._tensor[0], box)
        else:
            box.resize(image, self._inside)
        return self._tensor

    def _is_half(self, image: np.ndarray) -> bool:
        """Whether the kernel for exactly half the size can do it, as with a 720p camera."""
        height, width, _ = self._inside.shape
        both = image.flags.carray and self._inside.flags.c_contiguous
        return both and image.dtype == np.uint8 and image.shape == (2 * height, 2 * width, 3)

    def _paint_border(self, box: Letterbox) -> None:
        self._tensor = np.full((1, box.network[1], box.network[0], 3), PAD, np.uint8)
        self._inside = box.inside(self._tensor[0])
        self._box = box
