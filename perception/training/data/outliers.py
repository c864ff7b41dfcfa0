"""Crops that are none of the known signs, for a reader to be unsure of (Hendrycks et al. 2019).

Lights, parts of vehicles and people, walls and trees from the training frames; known signs that are turned,
hidden or mixed; drawn signs of other kinds. Each is made when it is asked for, in about a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np

from perception.synthetic.foreign import FAMILIES, draw
from perception.synthetic.mounting import mounted
from perception.tasks.batch import ANY_SIGN
from perception.tasks.detection import CLASSES
from perception.training.data.sample import Boxes, Sample
from perception.training.data.signs import Sign

SIGN, LIGHT = CLASSES.index("traffic_sign"), CLASSES.index("traffic_light")
LEAST = 5.0  # pixels of the longer side
TURNS = {
    17: (1, 3),
    35: (2,),
    **dict.fromkeys((12, 15, 32, 38, 39, 40), ()),
}  # quarters that change a meaning
Rows = list[tuple[Sample, np.ndarray]]  # frames and boxes in them


class Patches:
    """Pieces of frames in which every sign has its box, without the signs."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self.samples = [s for s in samples if s.negative_weight is not None and s.negative_weight[SIGN] > 0]

    def __call__(self, rng: np.random.Generator) -> np.ndarray:
        """(h, w, 3) uint8 BGR, square; grey where there are no frames."""
        for _ in range(8 if self.samples else 0):
            sample = self.samples[int(rng.integers(len(self.samples)))]
            height, width = sample.image.shape[:2]
            side = int(min(np.exp(rng.uniform(np.log(16), np.log(96))), height, width))
            x, y = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
            if not _meets(sample.boxes, x, y, side):
                return sample.image[y : y + side, x : x + side]
        return np.full((16, 16, 3), int(rng.integers(40, 200)), np.uint8)


def _meets(boxes: Boxes | None, x: int, y: int, side: int) -> bool:
    """Whether a square meets a sign, sure or not."""
    if boxes is None:
        return False
    signs = boxes.xyxy[boxes.label == SIGN]
    return bool(((signs[:, :2] < (x + side, y + side)) & (signs[:, 2:] > (x, y))).all(1).any())


class Outliers:
    """`outliers(rng)`: a picture, the box of what is no known sign in it, and ANY_SIGN."""

    def __init__(self, samples: Sequence[Sample], signs: Sequence[Sign]) -> None:
        """From frames and signs of the training split."""
        self.patches = Patches(samples)
        self.signs = [sign for sign in signs if sign[2] >= 0]
        self.lights = _rows(samples, (LIGHT,))
        self.things = _rows(samples, [k for k in range(len(CLASSES)) if k not in (SIGN, LIGHT)], 24.0)
        kinds: list[tuple[float, Callable[[np.random.Generator], Sign], bool]] = [
            (10.0, self._drawn, True),
            (3.0, self._patch, bool(self.patches.samples)),
            (1.5, self._light, bool(self.lights)),
            (2.5, self._part, bool(self.things)),
            (1.5, self._turned, bool(self.signs)),
            (1.0, self._hidden, bool(self.signs)),
            (0.5, self._mixed, bool(self.signs)),
        ]
        self.kinds = [kind for _, kind, there in kinds if there]
        odds = np.array([share for share, _, there in kinds if there])
        self.odds = odds / odds.sum()

    def __call__(self, rng: np.random.Generator) -> Sign:
        return self.kinds[int(rng.choice(len(self.kinds), p=self.odds))](rng)

    def _drawn(self, rng: np.random.Generator) -> Sign:
        return (*mounted(draw(FAMILIES, rng), self.patches(rng), rng, wear=0.6), ANY_SIGN)

    def _patch(self, rng: np.random.Generator) -> Sign:
        patch = self.patches(rng)
        side = patch.shape[0]
        return patch, np.array([0.1, 0.1, 0.9, 0.9], np.float32) * side, ANY_SIGN

    def _light(self, rng: np.random.Generator) -> Sign:
        sample, box = self.lights[int(rng.integers(len(self.lights)))]
        x1, y1, x2, y2 = box
        if rng.random() < 0.5:  # one lamp of three
            third = (y2 - y1) / 3
            y1 = y1 + third * int(rng.integers(3))
            y2 = y1 + third
        return _cut(sample, (x1 + x2) / 2, (y1 + y2) / 2, max(x2 - x1, y2 - y1, LEAST))

    def _part(self, rng: np.random.Generator) -> Sign:
        """Heads; wheels and lamps, which are at the lower corners and sides of vehicles; the rest."""
        sample, (x1, y1, x2, y2) = self.things[int(rng.integers(len(self.things)))]
        side = max(LEAST, min(x2 - x1, y2 - y1) * rng.uniform(0.15, 0.6))
        x = rng.choice([x1 + side / 2, x2 - side / 2, rng.uniform(x1, x2)])
        y = y1 + (y2 - y1) * rng.beta(2, 1.2)
        if y2 - y1 > 1.5 * (x2 - x1) and rng.random() < 0.6:  # upright: somebody
            x, y, side = (x1 + x2) / 2, y1 + 0.1 * (y2 - y1), max(LEAST, 0.2 * (y2 - y1))
        return _cut(sample, x, y, side)

    def _one(self, rng: np.random.Generator) -> Sign:
        return self.signs[int(rng.integers(len(self.signs)))]

    def _turned(self, rng: np.random.Generator) -> Sign:
        """By quarters, which no sign's meaning outlives (those of TURNS: other quarters only)."""
        image, box, sign = self._one(rng)
        quarters = TURNS.get(sign, (1, 2, 3))
        if not quarters:
            return self._drawn(rng)
        x1, y1, x2, y2 = box
        for _ in range(int(rng.choice(quarters))):
            x1, y1, x2, y2 = y1, image.shape[1] - x2, y2, image.shape[1] - x1
            image = np.rot90(image)
        return np.ascontiguousarray(image), np.array([x1, y1, x2, y2], np.float32), ANY_SIGN

    def _hidden(self, rng: np.random.Generator) -> Sign:
        """Less than half of a sign is seen."""
        image, box, _ = self._one(rng)
        over = cv2.resize(self.patches(rng), image.shape[1::-1], interpolation=cv2.INTER_AREA)
        angle = rng.uniform(0, 2 * np.pi)
        x, y = np.arange(image.shape[1])[None], np.arange(image.shape[0])[:, None]
        centre, reach = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).mean() / 2
        along = ((x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)) / reach
        return np.where((along < rng.uniform(0.15, 0.7))[..., None], over, image), box, ANY_SIGN

    def _mixed(self, rng: np.random.Generator) -> Sign:
        """Two signs of unlike classes in one."""
        image, box, sign = self._one(rng)
        other, inner, second = self._one(rng)
        if sign == second:
            return self._drawn(rng)
        scale = (box[2:] - box[:2]) / np.maximum(inner[2:] - inner[:2], 1)
        shift = box[:2] - inner[:2] * scale
        turn = np.column_stack([np.diag(scale), shift])
        laid = cv2.warpAffine(other, turn, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        light = float(np.clip((image.mean() + 10) / (laid.mean() + 10), 0.3, 3))  # neither drowns the other
        return cv2.addWeighted(image, 0.5, laid, 0.5 * light, 0), box, ANY_SIGN


def _rows(samples: Iterable[Sample], classes: Sequence[int], least: float = LEAST) -> Rows:
    """The sure boxes of some classes, at least so wide and high on the longer side."""
    found = []
    for sample in samples:
        boxes = sample.boxes
        if boxes is not None:
            long = (boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]).max(1) >= least
            rows = boxes.xyxy[boxes.sure & np.isin(boxes.label, classes) & long]
            found += [(sample, row) for row in rows]
    return found


def _cut(sample: Sample, x: float, y: float, side: float) -> Sign:
    """A square about (x, y), with as much of the frame as a crop may show."""
    height, width = sample.image.shape[:2]
    left, top = (int(np.clip(v - side, 0, most - 2)) for v, most in ((x, width), (y, height)))
    image = sample.image[top : int(y + side) + 2, left : int(x + side) + 2]
    box = np.array([x - side / 2 - left, y - side / 2 - top, x + side / 2 - left, y + side / 2 - top])
    return image, box.astype(np.float32), ANY_SIGN
