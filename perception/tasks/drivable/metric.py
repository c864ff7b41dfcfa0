"""How well the drivable area is found."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from perception.tasks.evidence import Counts, Evidence, metrics
from perception.tasks.hits import Hits
from perception.types import VOID, Scene


class DrivableArea:
    """`iou`: intersection over union of the drivable pixels, pooled over all images at the truth's own size.

    Pooled: the pixels of all images are added up before the division, so an image counts by its area.
    1 where nothing was drivable and nothing found. `precision`, `recall`: the shared pixels as a share of
    those found, and of those that are drivable.
    """

    def __init__(self) -> None:
        self._iou = np.zeros(2)  # pixels in both, in one or the other
        self._pixels = Hits("pixels")

    def update(self, truth: Scene, seen: Scene) -> None:
        if truth.drivable is None or seen.drivable is None:
            return
        labels = truth.drivable.labels
        found = seen.drivable.labels
        if found.shape != labels.shape:
            found = cv2.resize(found, labels.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        judged = labels != VOID
        true, found = labels == 1, (found == 1) & judged
        shared, false, missed = (
            int(np.count_nonzero(x)) for x in (true & found, found & ~true, true & ~found)
        )
        self._iou += shared, shared + false + missed
        self._pixels.add(shared, false, shared, missed)

    def evidence(self) -> Mapping[str, Evidence]:
        return {"": Counts("iou", self._iou.copy()), "/pixels": self._pixels.evidence()}

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())
