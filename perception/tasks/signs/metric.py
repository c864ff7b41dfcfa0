"""How well signs are read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from perception.tasks.detection.metric import count_matches
from perception.tasks.hits import Hits, ratio
from perception.types import Scene


class SignsRead:
    """`read_precision`, `read_recall`, `read_f1`: the box found (IoU >= 0.5) *and* the class right.

    A sign that was found and not read is missed. In the truth, score 0 is a sign whose class nobody wrote
    down: whatever is read there counts neither way.
    """

    def __init__(self) -> None:
        self._hits = Hits()

    def update(self, truth: Scene, seen: Scene) -> None:
        if truth.signs is None or seen.signs is None:
            return
        unknown = truth.signs.score == 0
        for class_id in np.union1d(truth.signs.class_id, seen.signs.class_id):
            found = seen.signs.class_id == class_id
            order = np.argsort(-seen.signs.score[found], kind="stable")
            true = (truth.signs.class_id == class_id) | unknown
            count_matches(self._hits, seen.signs.xyxy[found][order], truth.signs.xyxy[true], unknown[true])

    def result(self) -> Mapping[str, float]:
        return self._hits.result("read_")


class SignClasses:
    """`top1` and `macro_recall` (recall of each class that is present, averaged) on one sign a scene."""

    def __init__(self, classes: int) -> None:
        self._total = np.zeros(classes, int)
        self._right = np.zeros(classes, int)

    def update(self, truth: Scene, seen: Scene) -> None:
        """An answer that does not come is wrong."""
        if truth.signs is None or seen.signs is None:
            return
        class_id = truth.signs.class_id[0]
        self._total[class_id] += 1
        self._right[class_id] += len(seen.signs) > 0 and seen.signs.class_id[0] == class_id

    def result(self) -> Mapping[str, float]:
        present = self._total > 0
        if not present.any():
            return {}
        recall = self._right[present] / self._total[present]
        top1 = ratio(int(self._right.sum()), int(self._total.sum()))
        return {"top1": top1, "macro_recall": float(recall.mean())}
