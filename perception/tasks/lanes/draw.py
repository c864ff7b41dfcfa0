"""Lane lines, coloured by kind, with a dark outline so that they show on any road."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from perception.tasks import tags
from perception.types import LaneLine

COLOURS = ((225, 170, 200), (40, 190, 255), (255, 230, 120))  # unknown, solid, dashed
DARK = (40, 40, 40)
SHIFT = 3  # bits behind the point: lines begin and end at fractions of a pixel


def draw(canvas: np.ndarray, lanes: Sequence[LaneLine]) -> None:
    """Paint lines on a BGR image, thicker where they are near."""
    scale = tags.scale_of(canvas)
    for line in lanes:
        points = np.rint((line.image - 0.5) * (1 << SHIFT)).astype(np.int32)
        for thickness, colour in ((7, DARK), (4, COLOURS[line.kind % len(COLOURS)])):
            thick = max(1, round(thickness * scale))
            cv2.polylines(canvas, [points], False, colour, thick, cv2.LINE_AA, SHIFT)
