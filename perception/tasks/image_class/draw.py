"""The class of the image on a plate, at the top right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from perception.tasks import tags
from perception.types import ImageClass

GAP = 4  # pixels between two plates


def draw(
    canvas: np.ndarray, found: Mapping[str, ImageClass], name: str, colours: Sequence[tags.Colour]
) -> None:
    """Paint what the task `name` says; a line for each of the tasks in `found`."""
    row, value = list(found).index(name), found[name]
    best = int(value.score.argmax())
    words = f"{name}: {value.classes[best]}".replace("_", " ")
    text = f"{words} {100 * value.score[best]:.0f}%"
    width, height = tags.size(canvas, text)
    tags.put(canvas, text, (canvas.shape[1] - width - GAP, GAP + row * (height + GAP)), colours[best])
