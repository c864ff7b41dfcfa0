"""Tracks, metres and speeds of a drive against its truth.

A row of `Moving` whose number is -1 is no object: it is a region in which its class is not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from perception.evaluation.tracking.clear import Clear, Identity
from perception.evaluation.tracking.hota import Hota
from perception.evaluation.tracking.judged import matched
from perception.evaluation.tracking.pairs import Moment, iou, share_inside
from perception.labels.moving import Moving
from perception.tasks.evidence import Counts, Distances, Evidence
from perception.types import Detections, Frame, Scene

CLASSES = ("vehicle", "person", "cyclist", "motorbike")
RIDDEN = ("cyclist", "motorbike")  # whose riders some call persons
LOWEST = 25 / 720  # of the picture's height: a lower object is not judged (KITTI, moderate)
BANDS = ((5, 20), (20, 40), (40, 60), (60, 80))  # metres
NEAR, FAR = 5.0, 60.0  # metres: the whole range of a class
AFTER_S = 1.0  # a speed is judged so long after its track was first given out
SOON, CLOSING = 5.0, 1.5  # seconds and m/s: what time to collision is judged


class Following:
    """HOTA, CLEAR MOT and identity metrics by class, of one drive."""

    def __init__(self) -> None:
        self._moments: dict[str, list[Moment]] = {}

    def add(self, moving: Moving, names: np.ndarray, found: Detections, height: int) -> None:
        """`names` (m,): the classes of `found`."""
        if found.track is None:
            return
        for name in CLASSES:
            own = found[(names == name) & (found.track >= 0)]
            self._moments.setdefault(name, []).append(_moment(moving, name, own, height))

    def evidence(self) -> Iterator[tuple[str, Evidence]]:
        """By the class and an ending."""
        for name, moments in self._moments.items():
            if not any(len(moment.truth) for moment in moments):
                continue
            for kind, metric in (("hota", Hota()), ("clear", Clear()), ("identity", Identity())):
                metric.add(moments)
                yield f"{name}/{kind}", Counts(kind, metric.sums)


def _moment(moving: Moving, name: str, seen: Detections, height: int) -> Moment:
    """Low objects, those of regions, and riders as persons count neither way, nor does what lies on them."""
    named, there = moving.name == name, moving.number >= 0
    regions = np.concatenate([moving.regions, moving.xyxy[named & ~there]])
    own = there & (named | (np.isin(moving.name, RIDDEN) & (name == "person")))
    number, boxes, is_own = moving.number[own], moving.xyxy[own], moving.name[own] == name
    judged = is_own & (boxes[:, 3] - boxes[:, 1] >= LOWEST * height)
    xyxy = seen.xyxy.astype(np.float64)
    similarity = iou(boxes, xyxy)
    rows, columns = matched(similarity)
    free = np.ones(len(seen), bool)
    free[columns] = False
    low = xyxy[:, 3] - xyxy[:, 1] < LOWEST * height
    drop = free & (low | (share_inside(xyxy, regions) > 0.5).any(1))
    drop[columns[~judged[rows]]] = True
    assert seen.track is not None
    return Moment(number[judged], seen.track[~drop], similarity[judged][:, ~drop])


class Measuring:
    """Errors of metres, speeds and times to collision, frame by frame, of one drive."""

    def __init__(self) -> None:
        self._born: dict[int, int] = {}  # track -> stamp

    def __call__(
        self, frame: Frame, moving: Moving, names: np.ndarray, scene: Scene
    ) -> Iterator[tuple[str, Evidence]]:
        """By task, class and band. Nothing without metres on both sides."""
        found = scene.detections
        if found is None or found.road is None or moving.road is None:
            return
        for track in () if found.track is None else found.track[found.track >= 0].tolist():
            self._born.setdefault(track, frame.stamp_ns)
        fresh = np.ones(len(found), bool) if found.age_ms is None else found.age_ms == 0
        tall = moving.xyxy[:, 3] - moving.xyxy[:, 1] >= LOWEST * frame.size[1]
        tall &= moving.number >= 0
        for name in CLASSES:
            true, seen = np.flatnonzero((moving.name == name) & tall), np.flatnonzero((names == name) & fresh)
            rows, columns = matched(iou(moving.xyxy[true], found.xyxy[seen].astype(np.float64)))
            yield from self._class(name, frame, moving, true[rows], found, seen[columns])

    def _class(
        self, name: str, frame: Frame, moving: Moving, true: np.ndarray, found: Detections, seen: np.ndarray
    ) -> Iterator[tuple[str, Evidence]]:
        assert moving.road is not None
        assert found.road is not None
        ahead = moving.road[true, 0].astype(np.float64)
        error = np.abs(found.road[seen, 0] - ahead) / np.maximum(ahead, 1e-6)
        yield from _by_band(f"distance.{name}", "relative", ahead, error)
        if moving.velocity is None or found.velocity is None:
            return
        velocity = found.velocity[seen].astype(np.float64)
        speeds = np.abs(np.hypot(*velocity.T) - np.hypot(*moving.velocity[true].T))
        old = self._old(found, seen, frame.stamp_ns) & np.isfinite(speeds)
        yield from _by_band(f"speed.{name}", "speeds", ahead[old], speeds[old])
        if name == "vehicle" and frame.ego is not None:
            closing = frame.ego.speed - moving.velocity[true, 0]
            told = frame.ego.speed - velocity[:, 0]
            judged = _leads(moving, true) & (closing > CLOSING) & (ahead < SOON * closing) & (told > 0.1)
            if judged.any():
                estimate = found.road[seen, 0][judged] / told[judged]
                seconds = ahead[judged] / closing[judged]
                yield "events.time_to_collision", Distances(np.abs(estimate - seconds) / seconds, "relative")

    def _old(self, found: Detections, seen: np.ndarray, now_ns: int) -> np.ndarray:
        tracks = np.full(len(seen), -1) if found.track is None else found.track[seen]
        ages = [(now_ns - self._born[k]) / 1e9 if k >= 0 else 0.0 for k in tracks.tolist()]
        return np.array(ages, np.float64) >= AFTER_S


def _leads(moving: Moving, rows: np.ndarray) -> np.ndarray:
    leads = [x.number for x in moving.happenings or () if x.name == "lead" and x.sure]
    return np.isin(moving.number[rows], leads)


def _by_band(name: str, kind: str, ahead: np.ndarray, errors: np.ndarray) -> Iterator[tuple[str, Evidence]]:
    for label, (low, high) in {"": (NEAR, FAR), **{f".{a}-{b}m": (a, b) for a, b in BANDS}}.items():
        inside = (ahead >= low) & (ahead < high)
        if inside.any():
            yield f"{name}{label}", Distances(errors[inside], kind)


def numbers_of(moving: Moving, found: Detections, least: float = 0.3) -> Mapping[int, int]:
    """Track -> number of the true object that its box overlaps most."""
    there = moving.number >= 0
    if found.track is None or not len(found) or not there.any():
        return {}
    overlap = iou(moving.xyxy[there], found.xyxy.astype(np.float64))
    best = overlap.argmax(0)
    good = (overlap.max(0) >= least) & (found.track >= 0)
    return dict(zip(found.track[good].tolist(), moving.number[there][best[good]].tolist(), strict=True))
