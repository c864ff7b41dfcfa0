"""More crops of the known classes: as other countries make them, drawn or dyed; worn, dirty, half in snow."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from perception.synthetic.mounting import mounted
from perception.synthetic.styles import GROUNDS, RINGS, TRIANGLES, style, styled
from perception.tasks.signs import CLASSES
from perception.training.data.outliers import Patches
from perception.training.data.sample import Sample
from perception.training.data.signs import Sign

WHITE_GROUND = {*RINGS, *TRIANGLES, 13}  # those whose white other countries paint yellow
DYED = 0.3  # share of photographs in another colour; the rest is drawn


class Variants:
    """`variants(rng)`: a picture, the sign's box and its class."""

    def __init__(
        self,
        samples: Sequence[Sample],
        signs: Sequence[Sign],
        classes: Sequence[int] = tuple(range(len(CLASSES))),
    ) -> None:
        """From frames (backdrops) and signs of the training split. `classes`: those that are drawn."""
        self.classes = classes
        self.patches = Patches(samples)
        self.photographs = [sign for sign in signs if sign[2] in WHITE_GROUND]

    def __call__(self, rng: np.random.Generator) -> Sign:
        if self.photographs and rng.random() < DYED:
            image, box, sign = self.photographs[int(rng.integers(len(self.photographs)))]
            return dyed(image, box, rng), box, sign
        sign = self.classes[int(rng.integers(len(self.classes)))]
        return (*mounted(styled(sign, style(rng), rng), self.patches(rng), rng), sign)


def dyed(image: np.ndarray, box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The light, colourless parts of a photographed sign in yellow or orange: (h, w, 3) uint8."""
    colour = GROUNDS[int(rng.integers(2, len(GROUNDS)))] / 236
    pixels = image.astype(np.float32)
    strongest, weakest = pixels.max(-1), pixels.min(-1)
    pale = np.clip(2.2 - 4 * (strongest - weakest) / (strongest + 1), 0, 1)
    inside = np.zeros(image.shape[:2], np.uint8)
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    cv2.ellipse(inside, ((x1 + x2) // 2, (y1 + y2) // 2), ((x2 - x1) // 2, (y2 - y1) // 2), 0, 0, 360, 1, -1)
    share = (pale * inside)[..., None]
    return np.asarray(pixels * (1 + share * (colour - 1))).round().astype(np.uint8)
