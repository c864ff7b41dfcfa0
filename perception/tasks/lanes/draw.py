"""Lane lines as ribbons, coloured by kind, with a dark outline so that they show on any road."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from perception.tasks import tags
from perception.types import LaneLine

COLOURS = ((225, 170, 200), (40, 190, 255), (255, 230, 120))  # unknown, solid, dashed
DARK = (40, 40, 40)
NEAR, FAR = 8.0, 2.5  # pixels: widths at the bottom and in the middle of an image of 720 lines
OUTLINE = 1.5  # pixels on each side
SHIFT = 4  # bits behind the point of OpenCV's coordinates


def draw(canvas: np.ndarray, lanes: Sequence[LaneLine]) -> None:
    """Paint lines on a BGR image, wider where they are near."""
    scale = tags.scale_of(canvas)
    for line in lanes:
        colour = COLOURS[line.kind % len(COLOURS)]
        half = scale * _half_width(line.image[:, 1] / canvas.shape[0])
        aside = _normals(line.image)
        for wide, paint in ((half + scale * OUTLINE, DARK), (half, colour)):
            cv2.fillPoly(canvas, [_ribbon(line.image, aside * wide[:, None])], paint, cv2.LINE_AA, SHIFT)


def _half_width(y: np.ndarray) -> np.ndarray:
    """Half the width of a line at height y of the image, 0 top, 1 bottom: it shrinks towards the horizon."""
    return (FAR + (NEAR - FAR) * np.clip(2 * y - 1, 0, 1)) / 2


def _normals(points: np.ndarray) -> np.ndarray:
    """Unit vectors (n, 2) across a polyline (n, 2), n >= 2."""
    along = np.empty_like(points)
    along[1:-1] = points[2:] - points[:-2]
    along[0], along[-1] = points[1] - points[0], points[-1] - points[-2]
    along /= np.maximum(np.sqrt((along**2).sum(1, keepdims=True)), 1e-6)
    return along[:, ::-1] * (1, -1)


def _ribbon(points: np.ndarray, aside: np.ndarray) -> np.ndarray:
    """The outline (2 n, 2) int32 of a band around a polyline, in fractions of a pixel."""
    sides = np.concatenate([points + aside, (points - aside)[::-1]])
    return np.rint((sides - 0.5) * (1 << SHIFT)).astype(np.int32)
