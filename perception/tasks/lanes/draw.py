"""Lane lines as ribbons, coloured by kind, with a dark outline so that they show on any road.

Road edges are thin and dotted: nobody takes one for paint.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from perception.tasks import tags
from perception.tasks.lanes.decode import ROAD_EDGE
from perception.types import LaneLine

COLOURS = (  # by kind: unknown, solid, dashed, double, road edge
    (225, 170, 200),
    (40, 190, 255),
    (255, 230, 120),
    (30, 110, 255),
    (45, 35, 215),
)
DARK = (40, 40, 40)
NEAR, FAR = 8.0, 2.5  # pixels: widths at the bottom and in the middle of an image of 720 lines
OUTLINE = 1.5  # pixels on each side
DOT, GAP = 9.0, 7.0  # pixels in an image of 720 lines: of road edges
SLIM = 0.6  # of the width of a lane line: that of a road edge
SHIFT = 4  # bits behind the point of OpenCV's coordinates


def draw(canvas: np.ndarray, lanes: Sequence[LaneLine]) -> None:
    """Paint lines on a BGR image, wider where they are near; of a single point there is nothing to paint."""
    scale = tags.scale_of(canvas)
    for line in (line for line in lanes if len(line.image) > 1):
        colour = COLOURS[line.kind % len(COLOURS)]
        edge = line.kind == ROAD_EDGE
        slim, pieces = (SLIM, _dots(line.image, scale)) if edge else (1.0, line.image[None])
        for more, paint in ((scale * OUTLINE, DARK), (0.0, colour)):
            ribbons = _ribbons(pieces, canvas.shape[0], scale * slim, more)
            cv2.fillPoly(canvas, list(ribbons), paint, cv2.LINE_AA, SHIFT)


def _dots(points: np.ndarray, scale: float) -> np.ndarray:
    """Pieces (k, 3, 2) float32 of a polyline, DOT long and GAP apart; at least one."""
    along = np.concatenate([[0.0], np.sqrt((np.diff(points, axis=0) ** 2).sum(1)).cumsum()])
    begins = np.arange(0.0, max(along[-1] - scale * DOT, 1e-6), scale * (DOT + GAP))
    at = begins[:, None] + scale * DOT * np.array((0, 0.5, 1))
    return np.stack([np.interp(at, along, axis) for axis in points.T], 2).astype(np.float32)


def _half_width(y: np.ndarray) -> np.ndarray:
    """Half the width of a line at height y of the image, 0 top, 1 bottom: it shrinks towards the horizon."""
    return (FAR + (NEAR - FAR) * np.clip(2 * y - 1, 0, 1)) / 2


def _normals(points: np.ndarray) -> np.ndarray:
    """Unit vectors (k, n, 2) across polylines (k, n, 2), n >= 2."""
    along = np.empty_like(points)
    along[:, 1:-1] = points[:, 2:] - points[:, :-2]
    along[:, 0], along[:, -1] = points[:, 1] - points[:, 0], points[:, -1] - points[:, -2]
    along /= np.maximum(np.sqrt((along**2).sum(-1, keepdims=True)), 1e-6)
    return along[..., ::-1] * (1, -1)


def _ribbons(points: np.ndarray, height: int, scale: float, more: float) -> np.ndarray:
    """The outlines (k, 2 n, 2) int32 of bands around polylines (k, n, 2), in fractions of a pixel.

    `height` of the image; `more`: pixels on each side.
    """
    half = scale * _half_width(points[..., 1] / height) + more
    aside = _normals(points) * half[..., None]
    sides = np.concatenate([points + aside, (points - aside)[:, ::-1]], axis=1)
    return np.rint((sides - 0.5) * (1 << SHIFT)).astype(np.int32)
