"""What an object is, on a plate below its box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perception.tasks import tags
from perception.types import ObjectClasses


def draw(canvas: np.ndarray, found: ObjectClasses, colours: Sequence[tags.Colour]) -> None:
    for (x1, _, _, y2), k, score in zip(found.xyxy, found.class_id, found.score, strict=True):
        text = f"{found.classes[k].replace('_', ' ')} {100 * score:.0f}%"
        tags.put(canvas, text, (x1, y2), colours[k])
