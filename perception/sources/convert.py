"""Any picture a camera or a file may give, as the one form the pipeline takes."""

from __future__ import annotations

import cv2
import numpy as np

from perception.errors import FrameError
from perception.white import White

TO_BGR = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}  # channels -> conversion


def to_bgr(image: np.ndarray, white: White | None = None) -> np.ndarray:
    """Grey (H, W) or (H, W, 1), BGR (H, W, 3) or BGRA (H, W, 4) to (H, W, 3) uint8 BGR, C-contiguous.

    Alpha is dropped, not blended: the colour below it is what the camera saw. 16-bit pixels are divided
    by `white`, which a source decides once for all of its pictures; without it, by this picture alone.
    An image that has the right form already is not copied.
    Raises FrameError for an empty image, another number of channels, or another type: a float image does
    not say whether white is 1 or 255.
    """
    form = f"{image.dtype} {image.shape}"
    channels = 1 if image.ndim == 2 else image.shape[2] if image.ndim == 3 else 0
    if channels not in (1, 3, 4):
        raise FrameError(f"expected an image (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), got {form}")
    if 0 in image.shape:
        raise FrameError(f"expected an image with at least one pixel, got {form}; drop empty frames")
    if image.dtype == np.uint16:
        image = (white or White("one picture")).narrowed(image)
    if image.dtype != np.uint8:
        raise FrameError(f"expected uint8 or uint16 pixels, got {form}; convert to uint8, white = 255")
    if channels != 3:
        image = cv2.cvtColor(image, TO_BGR[channels])
    return np.ascontiguousarray(image)
