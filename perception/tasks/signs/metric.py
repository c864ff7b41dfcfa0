"""How well signs are read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from perception.tasks.detection.matching import matched
from perception.tasks.detection.metric import HALF, best_first
from perception.tasks.evidence import OPEN_BINS, Counts, Evidence, metrics, open_bin
from perception.tasks.hits import Calibration, Hits
from perception.types import Detections, Scene, Signs


class SignsRead:
    """`read_precision`, `read_recall`, `read_f1`: the box found (IoU >= 0.5) *and* the class right.

    A sign that was found and not read is missed. In the truth, score 0 is a sign whose class nobody wrote
    down: whatever is read there counts neither way. With `detail` also `ece`, the calibration error.
    """

    def __init__(self, detail: bool = False) -> None:
        self._hits = Hits("read")
        self._scores = Calibration() if detail else None

    def update(self, truth: Scene, seen: Scene) -> None:
        if truth.signs is None or seen.signs is None:
            return
        true, read = _boxes(truth.signs), _boxes(seen.signs)
        for class_id in np.union1d(true.class_id, read.class_id):
            found = best_first(read[read.class_id == class_id])
            result = matched(found, true[(true.class_id == class_id) | (true.score == 0)], HALF)
            right, judged = result.right[0, 0], result.counts[0, 0]
            n = int(right.sum())
            self._hits.add(n, judged.sum() - n, n, result.objects[0] - n)
            if self._scores is not None:
                self._scores.add(found.score[judged], right[judged])

    def evidence(self) -> Mapping[str, Evidence]:
        scores = {} if self._scores is None else {"/calibration": self._scores.evidence()}
        return {"": self._hits.evidence(), **scores}

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())


class SignClasses:
    """`top1` and `macro_recall` (recall of each class that is present, averaged) on one sign a scene.

    With `detail` also `ece`, the calibration error of the answers that came.
    """

    def __init__(self, classes: int, detail: bool = False) -> None:
        self._sums = np.zeros((2, classes))  # right answers and signs of each class
        self._scores = Calibration() if detail else None

    def update(self, truth: Scene, seen: Scene) -> None:
        """An answer that does not come is wrong."""
        if truth.signs is None or seen.signs is None:
            return
        class_id = truth.signs.class_id[0]
        right = seen.signs.class_id[:1] == class_id
        self._sums[:, class_id] += right.any(), 1
        if self._scores is not None:
            self._scores.add(seen.signs.score[:1], right)

    def evidence(self) -> Mapping[str, Evidence]:
        scores = {} if self._scores is None else {"/calibration": self._scores.evidence()}
        return {"": Counts("classes", self._sums.ravel().copy()), **scores}

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())


class OpenSet:
    """`auroc`, `false_reads` and `known_read`: are known signs told from what is none of them?

    One sign a scene, read whatever the doubt; in the truth, score 0 is none of the known classes.
    """

    def __init__(self, threshold: float) -> None:
        """`threshold`: below it a sign counts as not read."""
        self._threshold = threshold
        self._sums = np.zeros(2 * OPEN_BINS + 4)

    def update(self, truth: Scene, seen: Scene) -> None:
        if truth.signs is None or seen.signs is None:
            return
        known = bool(truth.signs.score[0] > 0)
        score = float(seen.signs.score[0]) if len(seen.signs.score) else 0.0
        said = score > 0 and score >= self._threshold
        right = said and seen.signs.class_id[0] == truth.signs.class_id[0]
        self._sums[open_bin(score) + (0 if known else OPEN_BINS)] += 1
        self._sums[-4:] += (known, known and right, not known, not known and said)

    def evidence(self) -> Mapping[str, Evidence]:
        return {"": Counts("open", self._sums.copy())}

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())


def _boxes(signs: Signs) -> Detections:
    return Detections(signs.xyxy, signs.score, signs.class_id)
