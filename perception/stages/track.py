"""Which object is which over time: track numbers, voted classes, and those briefly out of sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from perception.stages import follow, motion
from perception.stages.kinds import as_rows
from perception.stages.level import Level, level_of
from perception.stages.lines import Lines, in_sight
from perception.stages.readings import Readings
from perception.tasks import tags
from perception.types import Detections, Ego, Frame, Scene, Size

SHOWN_MS = 350.0  # a well-proven object is given out so long after it was last seen
SURE = 2.0  # sum of the scores from which it is that; with less, for a shorter time in proportion
INSIDE = 0.5  # share of its box that must still be in the image
NONE = -1  # track number of a box that is no track yet


class Track:
    """`detections.track`, `.age_ms` and voted `.class_id`; numbers of signs and lane lines.

    A box that is no track yet has the number -1. Objects out of sight are rows at the end, with the score of
    their last box and an age above 0.
    """

    name = "track"
    needs: tuple[str, ...] = ("detection",)
    remembers = True
    longest_gap_s = 2.0

    def __init__(self, classes: Sequence[str], sign_classes: int = 0, road_edge: int = NONE) -> None:
        self.kinds = as_rows(classes)
        self.book = follow.empty_book(len(classes))
        self.rows = np.empty(0, np.int64)  # of `book`, of each detection given out last; -1: none
        self.box = np.empty((0, 4))  # of each, as rays (see `level`)
        self.cut = np.empty(
            (0, 2), np.bool_
        )  # of each: whether it ends at the border, aside and above or below
        self._lines = Lines(road_edge)
        self._readings = Readings(sign_classes)
        self._last_ns: int | None = None
        self._last_ego: Ego | None = None

    def reset(self) -> None:
        self.book.used[0] = 0
        self._lines.clear()
        self._readings.clear()
        self._last_ns = None
        self._last_ego = None

    def __call__(self, frame: Frame, scene: Scene) -> Scene:
        dt = 0.0 if self._last_ns is None else (frame.stamp_ns - self._last_ns) / 1e9
        self._last_ns = frame.stamp_ns
        level, found = level_of(frame, scene), scene.detections
        signs, lanes = scene.signs, scene.lanes
        if found is not None:
            found = self._follow(frame, found, level, dt)
            if signs is not None:
                signs = self._readings(signs, found)
        if lanes is not None:
            boxes = np.empty((0, 4)) if found is None else found.xyxy
            lanes = in_sight(self._lines(lanes, scene.size, dt, level.middle), scene.size, boxes)
        return replace(scene, detections=found, signs=signs, lanes=lanes)

    def _follow(self, frame: Frame, found: Detections, level: Level, dt: float) -> Detections:
        finite = np.isfinite(found.xyxy).all(1) & np.isfinite(found.score)
        found = found if finite.all() else found[finite]
        book = self.book
        self.box = box = level.boxes(found.xyxy)
        seen, sigma, self.cut = follow.measured(found.xyxy, box, *frame.size, level.pixel)
        speed, yaw = self._own_motion(frame.ego)
        self.rows = follow.step(
            book, self.kinds, box, seen, sigma, self.cut, found.score, found.class_id, dt, speed, yaw
        )
        proven = np.append(book.life[:, follow.PROVEN] >= follow.PROOF, False)[self.rows]
        number = np.where(proven, book.number[self.rows], NONE)
        voted = book.votes[self.rows].argmax(1).astype(np.int32)
        found = replace(
            found,
            class_id=np.where(proven, voted, found.class_id),
            track=number,
            age_ms=np.zeros(len(found), np.float32),
        )
        return self._with_unseen(found, level, frame.size)

    def _own_motion(self, ego: Ego | None) -> tuple[float, float]:
        """Speed and yaw rate since the last frame: the mean of what they were then and are now.

        From when they are known, what is followed moves over ground; else, against the own vehicle.
        """
        last, self._last_ego = self._last_ego, ego
        forward = self.book.state[: self.book.used[0], motion.VX]
        if ego is None:
            forward -= 0.0 if last is None else last.speed
            return 0.0, 0.0
        if last is None:
            forward += ego.speed
            last = ego
        return (last.speed + ego.speed) / 2, ((last.yaw_rate or 0.0) + (ego.yaw_rate or 0.0)) / 2

    def _with_unseen(self, found: Detections, level: Level, size: Size) -> Detections:
        life = self.book.life[: self.book.used[0]]
        age = life[:, follow.UNSEEN] * 1e3
        proven = life[:, follow.PROVEN]
        longest = np.where(proven >= follow.PROOF, SHOWN_MS * np.minimum(proven / SURE, 1), 0.0)
        rows = np.flatnonzero((age > 0) & (age <= longest))
        if not len(rows):
            return found
        rays = follow.boxes(self.book, rows)
        whole = level.back(rays)
        xyxy = np.clip(whole, 0, np.array([*size, *size], np.float32))
        rows_kept = _area(xyxy) > INSIDE * _area(whole)  # also drops what is NaN
        rows, xyxy = rows[rows_kept], xyxy[rows_kept]
        self.rows = np.concatenate([self.rows, rows])
        self.box = np.concatenate([self.box, rays[rows_kept]])
        self.cut = np.concatenate([self.cut, np.zeros((len(rows), 2), np.bool_)])
        return Detections(
            np.concatenate([found.xyxy, xyxy]),
            np.concatenate([found.score, life[rows, follow.SCORE].astype(np.float32)]),
            np.concatenate([found.class_id, self.book.votes[rows].argmax(1).astype(np.int32)]),
            np.concatenate([found.track, self.book.number[rows]]),
            np.concatenate([found.age_ms, age[rows].astype(np.float32)]),
        )

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        found = scene.detections
        if found is None or found.track is None:
            return
        for k in np.flatnonzero(found.track >= 0):
            x1, y1, x2, y2 = (int(v) for v in found.xyxy[k])
            if found.age_ms is not None and found.age_ms[k] > 0:
                cv2.rectangle(canvas, (x1, y1), (x2, y2), UNSEEN, 1)
            text = f"{found.track[k]}"
            if found.road is not None and np.isfinite(found.road[k, 0]):
                text += f"  {np.hypot(*found.road[k]):.0f} m"
            tags.put(canvas, text, (x1, y2), PLATE)


PLATE, UNSEEN = (235, 235, 235), (200, 200, 200)


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(1)
