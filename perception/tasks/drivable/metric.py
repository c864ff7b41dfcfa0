"""How well the drivable area is found."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from perception.tasks.evidence import Counts, Evidence, figures
from perception.types import Scene

VOID = 255  # in the truth: not judged


class DrivableArea:
    """`iou`: intersection over union of the drivable pixels, pooled over all images at the truth's own size.

    Pooled: the pixels of all images are added up before the division, so an image counts by its area.
    1 where nothing was drivable and nothing found.
    """

    def __init__(self) -> None:
        self._shared = self._either = 0

    def update(self, truth: Scene, seen: Scene) -> None:
        if truth.drivable is None or seen.drivable is None:
            return
        labels = truth.drivable.labels
        found = seen.drivable.labels
        if found.shape != labels.shape:
            found = cv2.resize(found, labels.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        judged = labels != VOID
        true, found = labels == 1, (found == 1) & judged
        self._shared += int(np.count_nonzero(true & found))
        self._either += int(np.count_nonzero(true | found))

    def evidence(self) -> Mapping[str, Evidence]:
        return {"": Counts("iou", np.array([self._shared, self._either], np.float64))}

    def result(self) -> Mapping[str, float]:
        return figures(self.evidence())
