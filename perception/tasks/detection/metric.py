"""How well objects are found.

In the truth, a box with score 1 is an object and one with score 0 a region in which its class is not
judged; boxes found there count neither way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from perception.tasks.detection.matching import NONE, match
from perception.tasks.hits import Hits
from perception.types import Detections, Scene

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # COCO's ten
RECALLS = np.linspace(0, 1, 101)
MAX_BOXES = 100  # of one class in one image, the best; COCO's maxDets
HALF = np.array([0.5])


@dataclass
class _Answers:
    """What was found of one class, image after image."""

    objects: int = 0
    score: list[np.ndarray] = field(default_factory=list)  # (n,)
    right: list[np.ndarray] = field(default_factory=list)  # (10, n) bool: in an object or a region
    counts: list[np.ndarray] = field(default_factory=list)  # (10, n) bool: not in a region


class AveragePrecision:
    """COCO's AP (Lin et al. 2014; cocoeval.py): 101-point interpolation, 100 boxes a class and image.

    `<class>.ap50` at IoU 0.5, `ap50` its mean over the classes with objects; `coco_ap` the mean over
    IoU 0.50:0.05:0.95 and those classes.
    Wants boxes down to very low scores.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = classes
        self._answers = [_Answers() for _ in classes]

    def update(self, truth: Scene, seen: Scene) -> None:
        if truth.detections is None or seen.detections is None:
            return
        for class_id, answers in enumerate(self._answers):
            found, true = _of(seen.detections, class_id), _of(truth.detections, class_id)
            found = found[np.argsort(-found.score, kind="stable")[:MAX_BOXES]]
            region = true.score == 0
            chosen = match(found.xyxy, true.xyxy, region, THRESHOLDS)
            ignored = (chosen != NONE) & np.append(region, False)[chosen]
            answers.objects += int((~region).sum())
            answers.score.append(found.score)
            answers.right.append(chosen != NONE)
            answers.counts.append(~ignored)

    def result(self) -> Mapping[str, float]:
        tables = {
            name: average_precision(answers)
            for name, answers in zip(self._classes, self._answers, strict=True)
            if answers.objects
        }
        if not tables:
            return {}
        mean = np.mean(list(tables.values()), 0)
        of_class = {f"{name}.ap50": float(ap[0]) for name, ap in tables.items()}
        return {**of_class, "ap50": float(mean[0]), "coco_ap": float(mean.mean())}

    def pooled(self) -> float:
        """AP at IoU 0.5 of all classes as if they were one, so that each object counts the same."""
        answers = [a for a in self._answers if a.objects]
        columns = {
            name: [x for a in answers for x in getattr(a, name)] for name in ("score", "right", "counts")
        }
        total = _Answers(sum(a.objects for a in answers), **columns)
        return float(average_precision(total)[0]) if answers else 0.0


def average_precision(answers: _Answers) -> np.ndarray:
    """(10,) float64, one for each of THRESHOLDS."""
    order = np.argsort(-np.concatenate(answers.score), kind="stable")
    right = np.concatenate(answers.right, 1)[:, order]
    counts = np.concatenate(answers.counts, 1)[:, order]
    result = np.zeros(len(THRESHOLDS))
    for i in range(len(THRESHOLDS)):
        hits = right[i][counts[i]].cumsum()
        precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
        at = np.searchsorted(hits / answers.objects, RECALLS, side="left")
        result[i] = np.append(precision, 0.0)[at].mean()
    return result


class ObjectsFound:
    """`<class>.precision`, `.recall`, `.f1` of the boxes as they are reported, IoU >= 0.5."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._hits = {name: Hits() for name in classes}

    def update(self, truth: Scene, seen: Scene) -> None:
        if truth.detections is None or seen.detections is None:
            return
        for class_id, hits in enumerate(self._hits.values()):
            found, true = _of(seen.detections, class_id), _of(truth.detections, class_id)
            found = found[np.argsort(-found.score, kind="stable")]
            count_matches(hits, found.xyxy, true.xyxy, true.score == 0)

    def result(self) -> Mapping[str, float]:
        """Classes of which there was no object are left out: nothing is known of their recall."""
        seen = {name: hits for name, hits in self._hits.items() if hits.found + hits.missed}
        return {key: value for name, hits in seen.items() for key, value in hits.result(f"{name}.").items()}


def count_matches(hits: Hits, found: np.ndarray, truth: np.ndarray, region: np.ndarray) -> None:
    """Add an image's boxes (n, 4), best first, against (m, 4), of which `region` are not judged; IoU 0.5."""
    chosen = match(found, truth, region, HALF)[0]
    right = ((chosen != NONE) & ~np.append(region, False)[chosen]).sum()
    hits.add(right, (chosen == NONE).sum(), right, (~region).sum() - right)


def _of(detections: Detections, class_id: int) -> Detections:
    return detections[detections.class_id == class_id]
