"""What each sign says, beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perception.tasks import tags
from perception.types import Signs

COLOUR = (250, 250, 250)
GAP = 4  # pixels between a sign and its plate


def draw(canvas: np.ndarray, signs: Signs, classes: Sequence[str]) -> None:
    """Paint the names of signs on a BGR image: right of their boxes, or left where there is no room."""
    for (x1, y1, x2, y2), class_id, score in zip(signs.xyxy, signs.class_id, signs.score, strict=True):
        text = f"{classes[class_id].replace('_', ' ')} {100 * score:.0f}%"
        width, height = tags.size(canvas, text)
        room = x2 + GAP + width <= canvas.shape[1]
        tags.put(canvas, text, (x2 + GAP if room else x1 - GAP - width, (y1 + y2 - height) / 2), COLOUR)
