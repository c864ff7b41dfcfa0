"""What processing does: levels, colour, resolution, compression, distortion."""

from __future__ import annotations

import cv2
import numpy as np

from perception.corruptions.canvas import Rng, rounded, scale, unit

WOBBLE = 12.0  # pixels of a picture 640 wide between bends of an elastic distortion


def brightness(image: np.ndarray, more: float, rng: Rng) -> np.ndarray:
    """Brighter by so much of the full value (HSV)."""
    hsv = cv2.cvtColor(unit(image), cv2.COLOR_BGR2HSV)
    hsv[..., 2] = np.minimum(hsv[..., 2] + more, 1)
    return rounded(255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR))


def saturate(image: np.ndarray, level: tuple[float, float], rng: Rng) -> np.ndarray:
    """Colours too strong: saturation (HSV) times the first, plus the second."""
    hsv = cv2.cvtColor(unit(image), cv2.COLOR_BGR2HSV)
    hsv[..., 1] = np.minimum(hsv[..., 1] * level[0] + level[1], 1)
    return rounded(255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR))


def contrast(image: np.ndarray, kept: float, rng: Rng) -> np.ndarray:
    """A share of the distance to the mean of each channel is kept."""
    mean = image.mean((0, 1), keepdims=True, dtype=np.float64).astype(np.float32)
    return rounded((image - mean) * kept + mean)


def pixelate(image: np.ndarray, factor: float, rng: Rng) -> np.ndarray:
    """Made smaller by a factor, on a picture 640 wide, and larger again in blocks."""
    size = image.shape[1::-1]
    width, height = (max(1, round(side * factor / scale(image))) for side in size)
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_NEAREST_EXACT))


def jpeg(image: np.ndarray, quality: int, rng: Rng) -> np.ndarray:
    """Through JPEG of this quality."""
    code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))


def elastic(image: np.ndarray, reach: float, rng: Rng) -> np.ndarray:
    """Bent like rubber: places move by `reach` pixels (standard deviation) of a picture 640 wide."""
    size, factor = image.shape[1::-1], scale(image)
    cells = [max(2, round(side / (WOBBLE * factor))) for side in size]
    moved = (
        cv2.resize(rng.standard_normal(cells[::-1], np.float32), size, interpolation=cv2.INTER_CUBIC)
        for _ in range(2)
    )
    places = (
        axis + np.float32(reach * factor) * by
        for axis, by in zip(np.indices(size[::-1])[::-1], moved, strict=True)
    )
    x, y = (place.astype(np.float32) for place in places)
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))
