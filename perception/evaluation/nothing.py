"""What is found where there is nothing: on the own vehicle, and in frames that show nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import SupportsFloat

import cv2
import numpy as np

from perception.tasks.evidence import Counts, Evidence, metrics
from perception.tasks.lanes.metric import strokes
from perception.types import Detections, Scene, Size

SLACK = 10  # pixels of a line, on an image 640 wide, that may lie below the edge: it is drawn by eye


class _Sums:
    """Counts by what ends their name."""

    def __init__(self) -> None:
        self._said: dict[str, Counts] = {}

    def _add(self, ending: str, kind: str, *values: SupportsFloat) -> None:
        before = self._said[ending].values if ending in self._said else 0
        self._said[ending] = Counts(kind, before + np.array([*map(float, values)]))

    def evidence(self) -> Mapping[str, Evidence]:
        return dict(self._said)

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())


class OwnVehicle(_Sums):
    """`drivable`: the share of the area of the own vehicle that is called so. The others are per frame.

    `lines`: lane lines and road edges of which more than SLACK pixels lie there; `vehicles`, `objects` (of
    all classes): boxes whose centre does.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        super().__init__()
        self._classes = classes

    def update(self, own: np.ndarray, seen: Scene) -> None:
        """`own`: (h, w) bool, the whole image of `seen` scaled to a width of 640."""
        size: Size = (own.shape[1], own.shape[0])
        scale = size[0] / seen.size[0]
        if seen.drivable is not None:
            found = cv2.resize(seen.drivable.labels, size, interpolation=cv2.INTER_NEAREST_EXACT) == 1
            self._add("/area", "area", np.count_nonzero(found & own), np.count_nonzero(own))
        if seen.lanes is not None:
            on_it = [own[y, x].sum() > SLACK for x, y in (s.T for s in strokes(seen.lanes, scale, size))]
            self._add("/lines", "lines", sum(on_it), 1)
        if seen.detections is not None:
            inside = _centres_in(own, seen.detections, scale)
            names = np.array(self._classes)[seen.detections.class_id[inside]]
            self._add("/boxes", "boxes", np.count_nonzero(names == "vehicle"), len(names), 1)


class NothingThere(_Sums):
    """Of frames that show nothing: `drivable`, the share called so; `found`, boxes, lane lines and road
    edges per frame."""

    def update(self, seen: Scene) -> None:
        if seen.drivable is not None:
            labels = seen.drivable.labels
            self._add("/area", "area", np.count_nonzero(labels == 1), labels.size)
        found = [len(part) for part in (seen.detections, seen.lanes) if part is not None]
        if found:
            self._add("/found", "found", sum(found), 1)


def _centres_in(mask: np.ndarray, found: Detections, scale: float) -> np.ndarray:
    """(n,) bool."""
    x, y = ((found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2 * scale).astype(int).T
    inside: np.ndarray = mask[y.clip(0, mask.shape[0] - 1), x.clip(0, mask.shape[1] - 1)]
    return inside
