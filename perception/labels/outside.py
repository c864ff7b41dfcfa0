"""Pictures of what is none of the known signs, to tell how often a reader says something all the same.

Four kinds: `unseen`, drawn families that training never shows; `drawn`, the families it does show, others of
them; `photographs`, lights, parts of vehicles and people, and patches without a sign in the pictures of a
split; `turned`, sign crops of the split upside down. The choice is fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from perception.labels.boxes import Box
from perception.labels.folder import Dataset, Sample
from perception.labels.labelled import Still
from perception.labels.rows import read_image
from perception.labels.signs import SignCrop
from perception.labels.truth import Truth
from perception.labels.vocabulary import SIGN
from perception.synthetic.foreign import FAMILIES, UNSEEN, draw
from perception.synthetic.mounting import mounted
from perception.tasks.signs import CLASSES
from perception.types import Frame

SET = "outside"
SEED = 20_000_000  # of the drawings
UNSEEN_EACH, DRAWN_EACH = 40, 12  # of a family
PHOTOGRAPHS = {"traffic_light": 80, "vehicle": 60, "person": 40}
PATCHES, TURNED = 80, 120
LEAST = {"traffic_light": 8.0, "vehicle": 40.0, "person": 40.0}  # pixels high
KEEP_MEANING = [CLASSES[k] for k in (12, 15, 17, 32, 38, 39, 40)]  # upside down

T = TypeVar("T")
Square = tuple[float, float, float, float]  # x1, y1, x2, y2, pixels of a picture


@dataclass(frozen=True)
class Drawn:
    """A sign of a family, before a piece of a photograph."""

    family: str
    kind: str
    seed: int
    behind: tuple[Path, Square] | None

    def read(self, seq: int) -> tuple[Frame, Truth]:
        rng = np.random.default_rng((SEED, self.seed))
        backdrop = np.full((8, 8, 3), 110, np.uint8)
        if self.behind is not None:
            x1, y1, x2, y2 = (int(v) for v in self.behind[1])
            backdrop = read_image(self.behind[0])[y1:y2, x1:x2]
        image, box = mounted(draw({**FAMILIES, **UNSEEN}, rng, self.family), backdrop, rng, wear=0.5)
        crop = SignCrop(Path(f"{self.family}-{self.seed}"), "", "", _square(box), self.kind)
        return _told(image, seq, crop)


@dataclass(frozen=True)
class Seen:
    """A place in a picture; `turned`: of the picture upside down."""

    crop: SignCrop
    turned: bool = False

    def read(self, seq: int) -> tuple[Frame, Truth]:
        image, crop = read_image(self.crop.image), self.crop
        if self.turned:
            (height, width), (x1, y1, x2, y2) = image.shape[:2], crop.xyxy
            image = np.ascontiguousarray(image[::-1, ::-1])
            crop = replace(crop, xyxy=(width - x2, height - y2, width - x1, height - y1))
        return _told(image, seq, crop)


def _told(image: np.ndarray, seq: int, crop: SignCrop) -> tuple[Frame, Truth]:
    return Frame(image, 0, seq, str(crop.image)), Truth(SET, crop=crop, tags=(f"set:{SET}",))


def outside(dataset: Dataset) -> list[Still]:
    """Of all kinds, as many as there are sign crops to compare them with at most."""
    patches = _patches(dataset.samples)
    found: list[Still] = []
    for kind, families, each in (("unseen", UNSEEN, UNSEEN_EACH), ("drawn", FAMILIES, DRAWN_EACH)):
        for name in families:
            for _ in range(each):
                place = patches[len(found) % len(patches)] if patches else None
                found.append(Drawn(name, kind, len(found), place))
    found += [Seen(_cut(image, place)) for image, place in _spread(patches, PATCHES)]
    for name, count in PHOTOGRAPHS.items():
        found += [Seen(_cut(image, place)) for image, place in _spread(_parts(dataset.samples, name), count)]
    signs = [crop for crop in dataset.crops if crop.name not in KEEP_MEANING]
    found += [Seen(replace(crop, outside="turned"), True) for crop in _spread(signs, TURNED)]
    return _spread(found, len(dataset.crops))


def _cut(image: Path, place: Square) -> SignCrop:
    return SignCrop(image, "", "", place, "photographs")


def _patches(samples: Sequence[Sample]) -> list[tuple[Path, Square]]:
    """Squares without a sign, two of each picture whose signs are all labelled."""
    found: list[tuple[Path, Square]] = []
    for number, sample in enumerate(samples):
        boxes = sample.boxes
        if boxes is None or SIGN not in boxes.labelled:
            continue
        rng = np.random.default_rng((SEED, 1, number))
        for _ in range(2):
            side = min(float(np.exp(rng.uniform(np.log(14), np.log(90)))), *boxes.size)
            x, y = rng.uniform(0, np.subtract(boxes.size, side))
            place = _square((x, y, x + side, y + side))
            if not any(_meet(place, box.xyxy) for box in boxes.boxes if box.name == SIGN):
                found.append((sample.image, place))
    return found


def _parts(samples: Sequence[Sample], name: str) -> list[tuple[Path, Square]]:
    """Of objects of a class: lights as they are, heads of people, lower corners of vehicles."""
    found: list[tuple[Path, Square]] = []
    for sample in samples:
        for box in sample.boxes.boxes if sample.boxes is not None else ():
            if box.name == name and box.xyxy[3] - box.xyxy[1] >= LEAST[name]:
                found.append((sample.image, _part(box, len(found))))
    return found


def _part(box: Box, number: int) -> Square:
    x1, y1, x2, y2 = box.xyxy
    if box.name == "traffic_light":
        return box.xyxy
    if box.name == "person":
        middle, half = (x1 + x2) / 2, 0.1 * (y2 - y1)
        return middle - half, y1, middle + half, y1 + 2 * half
    side = 0.4 * (y2 - y1)
    left = x1 if number % 2 else x2 - side
    top = y1 + (0.3 if number % 4 < 2 else 0.6) * (y2 - y1)  # lamps, wheels
    return left, top, left + side, top + side


def _meet(a: Square, b: Square) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _square(values: Sequence[float] | np.ndarray) -> Square:
    x1, y1, x2, y2 = (float(v) for v in values)
    return x1, y1, x2, y2


def _spread(items: Sequence[T], limit: int) -> list[T]:
    """At most so many, evenly spaced."""
    count = min(limit, len(items))
    return [items[i * len(items) // count] for i in range(count)]
