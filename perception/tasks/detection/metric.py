"""How well objects are found.

In the truth, a box with score 1 is an object and one with score 0 a region in which its class is not
judged; boxes found there count neither way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from perception.tasks.detection.matching import ANY, SIZES, matched
from perception.tasks.evidence import Evidence, Ranked, metrics, precisions
from perception.tasks.hits import Calibration, Hits
from perception.types import Detections, Scene

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # COCO's ten
MAX_BOXES = 100  # of one class in one image, the best; COCO's maxDets
HALF = np.array([0.5])


class AveragePrecision:
    """COCO's AP (Lin et al. 2014; cocoeval.py): 101-point interpolation, 100 boxes a class and image.

    `<class>.ap50` at IoU 0.5, `ap50` its mean over the classes with objects; `coco_ap` the mean over
    IoU 0.50:0.05:0.95 and those classes. With `detail` also of objects of one size, `coco_ap_small`.
    Wants boxes down to very low scores.
    """

    def __init__(self, classes: Sequence[str], detail: bool = False) -> None:
        self._classes = classes
        self._sizes = SIZES if detail else ANY
        self._said: dict[str, list[Ranked]] = {}

    def update(self, truth: Scene, seen: Scene, areas: np.ndarray | None = None) -> None:
        """`areas` (m,): of the true objects in pixels, if it is not that of their boxes."""
        if truth.detections is None or seen.detections is None:
            return
        for class_id, name in enumerate(self._classes):
            found = best_first(seen.detections[seen.detections.class_id == class_id])[:MAX_BOXES]
            own = truth.detections.class_id == class_id
            result = matched(
                found, truth.detections[own], THRESHOLDS, self._sizes, None if areas is None else areas[own]
            )
            for i, size in enumerate(self._sizes):
                judged = result.counts[i].any(0)
                ranked = Ranked(
                    int(result.objects[i]),
                    found.score[judged],
                    result.right[i][:, judged],
                    result.counts[i][:, judged],
                )
                self._said.setdefault(f"{name}/ranked_{size}" if size else name, []).append(ranked)

    def evidence(self) -> Mapping[str, Evidence]:
        """By class, and by class and size those that have something to say."""
        merged = {name: merge(said) for name, said in self._said.items()}
        return {name: one for name, one in merged.items() if "/" not in name or one.objects or len(one.score)}

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())

    def pooled(self) -> float:
        """AP at IoU 0.5 of all classes as if they were one, so that each object counts the same."""
        classes = [merge(self._said[name]) for name in self._classes if name in self._said]
        present = [ranked for ranked in classes if ranked.objects]
        return float(average_precision(merge(present))[0]) if present else 0.0


def merge(said: Sequence[Ranked]) -> Ranked:
    """The boxes of several pictures."""
    if len(said) == 1:
        return said[0]
    return Ranked(
        sum(one.objects for one in said),
        np.concatenate([one.score for one in said]),
        np.concatenate([one.right for one in said], 1),
        np.concatenate([one.counts for one in said], 1),
    )


def average_precision(ranked: Ranked) -> np.ndarray:
    """(10,) float64, one for each of THRESHOLDS; NaN without an object."""
    return precisions([ranked], np.zeros(1, int), np.ones((1, 1)))[0]


class ObjectsFound:
    """`<class>.precision`, `.recall`, `.f1` of the boxes as they are reported, IoU >= 0.5.

    Classes of which there was no object are left out: nothing is known of their recall. With `detail` also
    of objects of one size, `<class>.f1_small`, and the calibration error `ece` of all scores.
    """

    def __init__(self, classes: Sequence[str], detail: bool = False) -> None:
        self._classes = classes
        self._sizes = SIZES if detail else ANY
        self._hits: dict[str, Hits] = {}
        self._scores = Calibration() if detail else None

    def update(self, truth: Scene, seen: Scene, areas: np.ndarray | None = None) -> None:
        """`areas` (m,): of the true objects in pixels, if it is not that of their boxes."""
        if truth.detections is None or seen.detections is None:
            return
        for class_id, name in enumerate(self._classes):
            found = best_first(seen.detections[seen.detections.class_id == class_id])
            own = truth.detections.class_id == class_id
            result = matched(
                found, truth.detections[own], HALF, self._sizes, None if areas is None else areas[own]
            )
            right, judged = result.right[:, 0], result.counts[:, 0]
            for i, size in enumerate(self._sizes):
                key = f"{name}/found" + (f"_{size}" if size else "")
                hits, n = self._hits.setdefault(key, Hits("objects")), int(right[i].sum())
                hits.add(n, judged[i].sum() - n, n, result.objects[i] - n)
            if self._scores is not None:
                self._scores.add(found.score[judged[0]], right[0][judged[0]])

    def evidence(self) -> Mapping[str, Evidence]:
        scores = {} if self._scores is None else {"/calibration": self._scores.evidence()}
        return {name: hits.evidence() for name, hits in self._hits.items()} | scores

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())


def best_first(detections: Detections) -> Detections:
    return detections[np.argsort(-detections.score, kind="stable")]
