"""What objects are, on plates below their boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from perception.tasks import tags
from perception.types import ObjectClasses


def draw(
    canvas: np.ndarray, found: Mapping[str, ObjectClasses], name: str, colours: Sequence[tags.Colour]
) -> None:
    """Paint what the task `name` says; a line for each of the tasks in `found`. The plate of the track comes
    right below a box, and these below that."""
    row, value = list(found).index(name) + 1, found[name]
    for (x1, _, _, y2), k, score in zip(value.xyxy, value.class_id, value.score, strict=True):
        text = f"{value.classes[k].replace('_', ' ')} {100 * score:.0f}%"
        tags.put(canvas, text, (x1, y2 + row * tags.size(canvas, text)[1]), colours[k])
