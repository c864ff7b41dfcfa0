"""Labels on pictures: a rounded plate with a few words, drawn once and kept."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

Colour = tuple[int, int, int]  # blue, green, red

COLOURS: tuple[Colour, ...] = (  # of the classes of objects, in order; more classes begin again
    (255, 160, 50),
    (90, 90, 255),
    (60, 160, 255),
    (225, 110, 205),
    (70, 220, 245),
    (190, 215, 60),
)
FONT = cv2.FONT_HERSHEY_SIMPLEX
FINER = 4  # times: plates are drawn large and shrunk, which is smoother than anti-aliased small type
REFERENCE_HEIGHT = 720  # of the image for which sizes are given; others scale


def scale_of(canvas: np.ndarray) -> float:
    """How much larger than at 720 lines things are to be drawn, in steps of a quarter."""
    return max(0.75, round(4 * canvas.shape[0] / REFERENCE_HEIGHT) / 4)


def put(canvas: np.ndarray, text: str, corner: tuple[float, float], colour: Colour) -> None:
    """Draw a plate on a BGR image, its top left near `corner`, moved so that it lies inside the image."""
    plate, opacity = _plate(text, colour, scale_of(canvas))
    height, width = opacity.shape
    x = int(min(max(corner[0], 0), canvas.shape[1] - width))
    y = int(min(max(corner[1], 0), canvas.shape[0] - height))
    if x < 0 or y < 0:
        return  # the image is smaller than the plate
    below = canvas[y : y + height, x : x + width]
    below[:] = cv2.blendLinear(plate, below, opacity, 1 - opacity)


def size(canvas: np.ndarray, text: str) -> tuple[int, int]:
    """(width, height) in pixels that the plate takes on this image."""
    height, width = _plate(text, (0, 0, 0), scale_of(canvas))[1].shape
    return width, height


@lru_cache(2048)
def _plate(text: str, colour: Colour, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, 3) uint8 and its opacity (h, w) float32."""
    fine = scale * FINER
    font, stroke, padding = 0.42 * fine, max(1, round(1.1 * fine)), round(5 * fine)
    (text_width, _), _ = cv2.getTextSize(text, FONT, font, stroke)
    width, height = round((text_width + 2 * padding) / FINER), round(17 * scale)
    large = np.full((height * FINER, width * FINER, 3), colour, np.uint8)
    ink = (24, 24, 24) if np.dot(colour, (0.114, 0.587, 0.299)) > 110 else (255, 255, 255)
    baseline = round(height * FINER / 2 + 4.6 * fine)
    cv2.putText(large, text, (padding, baseline), FONT, font, ink, stroke, cv2.LINE_AA)
    shape = np.zeros(large.shape[:2], np.uint8)
    _rounded(shape, round(4 * fine))
    plate = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
    return plate, cv2.resize(shape, (width, height), interpolation=cv2.INTER_AREA) / np.float32(270)


def _rounded(shape: np.ndarray, radius: int) -> None:
    """Fill a rounded rectangle as large as `shape` (h, w) with 255."""
    height, width = shape.shape
    cv2.rectangle(shape, (radius, 0), (width - 1 - radius, height - 1), 255, -1)
    cv2.rectangle(shape, (0, radius), (width - 1, height - 1 - radius), 255, -1)
    for x in (radius, width - 1 - radius):
        for y in (radius, height - 1 - radius):
            cv2.circle(shape, (x, y), radius, 255, -1)
