"""One training image with only the truth it has. What is absent is None, never zero."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from perception.tasks.detection import CLASSES


@dataclass(frozen=True, eq=False)
class Boxes:
    """Object truth. A box that is not `sure` marks a place where nothing is learnt of its class."""

    xyxy: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))  # image pixels
    label: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # `Vocabulary.object_ids`
    sure: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    sign: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # `sign_ids`, ANY_SIGN if unknown

    @classmethod
    def of(
        cls,
        rows: Iterable[tuple[np.ndarray | list[float], str, bool, int]],
        classes: Sequence[str] = CLASSES,
    ) -> Boxes:
        """From (xyxy, class name, sure, sign class) rows. `classes`: `Vocabulary.object_ids`."""
        listed = list(rows)
        if not listed:
            return cls()
        xyxy, names, sure, sign = zip(*listed, strict=True)
        labels = [classes.index(name) for name in names]
        return cls(
            np.array(xyxy, np.float32).reshape(-1, 4), np.array(labels), np.array(sure), np.array(sign)
        )

    def __add__(self, other: Boxes) -> Boxes:
        pairs = [
            (self.xyxy, other.xyxy),
            (self.label, other.label),
            (self.sure, other.sure),
            (self.sign, other.sign),
        ]
        return Boxes(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True, eq=False)
class Sample:
    """Maps cover the whole image and may be smaller than it; 0..254 = probability x 254, 255 unknown."""

    image: np.ndarray  # (H, W, 3) uint8, BGR
    boxes: Boxes | None = None  # None: nothing is known about objects
    negative_weight: np.ndarray | None = (
        None  # (classes,) float32: how sure it is that a class is only where boxes are
    )
    drivable: np.ndarray | None = None  # (h, w) uint8
    line: np.ndarray | None = None  # (h, w) uint8, lane lines through their gaps
    paint: np.ndarray | None = None  # (h, w) uint8, lane paint
    edge: np.ndarray | None = None  # (h, w) uint8, road edges: kerbs, verges, the feet of barriers
    name: str = ""  # the image's path in the data folder

    def tasks(self) -> set[str]:
        """The tasks this sample has truth for."""
        maps = {
            "drivable": self.drivable is not None,
            "lanes": any(truth is not None for truth in (self.line, self.paint, self.edge)),
        }
        present = {name for name, known in maps.items() if known}
        return present | ({"detection"} if self.boxes is not None else set())


def negative_weights(**weights: float) -> np.ndarray:
    """(classes,) float32 by class name; 0 for the classes not named."""
    return np.array([weights.get(name, 0.0) for name in CLASSES], np.float32)
