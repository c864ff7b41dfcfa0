"""From the classes that labels have to those of the network that learns from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from perception.labels import vocabulary
from perception.labels.vocabulary import Vocabulary
from perception.tasks.batch import ANY_SIGN
from perception.training.data.sample import Boxes
from perception.training.data.signs import Sign


class Chosen:
    """Ids of `Vocabulary.object_ids` and `sign_ids` to the network's own; -1: it does not have that."""

    def __init__(self, own: Vocabulary) -> None:
        self.objects = [own.object_ids.index(name) for name in own.objects]
        self.everything = np.ones(len(own.object_ids), np.float32)  # where nothing at all is seen
        self._object = _places(own.object_ids, own.objects)
        self._sign = _places(own.sign_ids, own.signs)

    def boxes(self, boxes: Boxes) -> Boxes:
        kept = self._object[boxes.label] >= 0
        sign = boxes.sign[kept]
        return Boxes(
            boxes.xyxy[kept],
            self._object[boxes.label[kept]],
            boxes.sure[kept],
            np.where(sign >= 0, self._sign[sign], ANY_SIGN),
        )

    def negative_weight(self, known: np.ndarray | None) -> np.ndarray:
        """(classes,) float32. Of a class that the labels do not know, nothing is known."""
        if known is None:
            return np.zeros(len(self.objects), np.float32)
        return np.array([known[k] if k < len(known) else 0.0 for k in self.objects], np.float32)

    def known(self, signs: Iterable[Sign]) -> list[Sign]:
        """Those of the network's classes, with the ids that they have."""
        return [sign for sign in signs if self.sign(sign[2]) >= 0]

    def sign(self, own: int) -> int:
        """ANY_SIGN: none of the network's classes."""
        return int(self._sign[own]) if own >= 0 else ANY_SIGN


def _places(before: Sequence[str], after: Sequence[str]) -> np.ndarray:
    """(n,) int64: where each of `before` is among `after`, or -1."""
    return np.array([after.index(name) if name in after else -1 for name in before], np.int64)


OURS = Chosen(vocabulary.OURS)
