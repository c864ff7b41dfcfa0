"""The stages over one drive without pictures, and all metrics of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import thread_time
from typing import Any

import numpy as np

from perception.bundle import TaskSpec
from perception.evaluation.tracking.clear import Clear, Identity
from perception.evaluation.tracking.folder import Drive, Rows
from perception.evaluation.tracking.hota import Hota
from perception.evaluation.tracking.judged import NOBODY, Followed, matched, moments
from perception.evaluation.tracking.pairs import iou
from perception.interfaces import Stage
from perception.stages import ready
from perception.types import Detections, Frame, Scene

CLASSES = ("vehicle", "person", "cyclist", "motorbike")
RATE = 10.0  # frames a second
NEAR, FAR = 3.0, 80.0  # metres: vehicles of which distances are judged
AFTER_S = 1.0  # a speed is judged so long after its track was first seen
STEPS = 5  # frames before and after, whose true places tell the true speed


class Measured:
    """Metrics of drives at every `every`th frame, from `detections` or the `truth`'s own boxes."""

    def __init__(self, every: int, boxes: str = "detections") -> None:
        self._every, self._boxes = every, boxes
        self._following = {name: (Hota(), Clear(), Identity()) for name in CLASSES[:2]}
        self._distance: list[np.ndarray] = []  # relative errors, and in standard deviations
        self._speed: list[float] = []
        self._seconds, self._frames = 0.0, 0

    def add(self, drive: Drive, truth: Drive) -> None:
        """`drive`: what the stages are told; `truth`: what is known of it."""
        scenes = list(self._scenes(drive))
        for name, metrics in self._following.items():
            number = CLASSES.index(name)
            seen = {scene.seq: _of(scene.detections, number) for scene in scenes}
            frames = list(moments(truth, name, seen, self._every))
            for metric in metrics:
                metric.add(frames)
        places = _places(truth)
        born: dict[int, int] = {}
        own = truth.truth[(truth.truth.name == "vehicle") & _clear(truth.truth)]
        for scene in scenes:
            self._judge(scene, own[own.frame == scene.seq], truth, places, born)

    def _scenes(self, drive: Drive) -> Iterator[Scene]:
        stages, size = _stages(), drive.camera.size
        image = np.zeros((size[1], size[0], 3), np.uint8)
        rows = drive.detections if self._boxes == "detections" else drive.truth
        rows = rows[np.isin(rows.name, CLASSES)]
        _warm(stages, drive)
        for seq in range(0, drive.frames, self._every):
            found = _detections(rows[rows.frame == seq])
            frame = Frame(image, int(seq / RATE * 1e9), seq, drive.name, drive.camera, drive.ego.get(seq))
            scene = Scene(seq, frame.stamp_ns, size, found)
            begin = thread_time()
            for stage in stages:
                scene = stage(frame, scene)
            self._seconds += thread_time() - begin
            self._frames += 1
            yield scene

    def _judge(
        self,
        scene: Scene,
        truth: Rows,
        drive: Drive,
        places: Mapping[int, Mapping[int, np.ndarray]],
        born: dict[int, int],
    ) -> None:
        found = scene.detections
        if found is None or found.track is None or found.age_ms is None:
            return
        for track in found.track[found.track >= 0].tolist():
            born.setdefault(track, scene.seq)
        found = found[(found.class_id == 0) & (found.age_ms == 0)]
        rows, columns = matched(iou(truth.xyxy, found.xyxy))
        true = truth.numbers["nearest_m"][rows]
        inside = (true >= NEAR) & (true <= FAR)
        if found.road is None or found.sigma_m is None or found.track is None:
            return
        ahead = found.road[columns, 0]
        self._distance.append(
            np.stack([np.abs(ahead - true) / true, (ahead - true) / found.sigma_m[columns]], 1)[inside]
        )
        if found.velocity is None or scene.seq not in drive.ego:
            return
        for row, column in zip(rows[inside], columns[inside], strict=True):
            track = int(found.track[column])
            speed = _speed(drive, places.get(int(truth.numbers["track"][row]), {}), scene.seq)
            old = track >= 0 and scene.seq - born[track] >= AFTER_S * RATE
            if old and np.isfinite(speed) and np.isfinite(found.velocity[column]).all():
                self._speed.append(abs(float(np.hypot(*found.velocity[column])) - speed))

    def result(self) -> dict[str, Any]:
        """By class the metrics of tracking; of vehicles those of distance and speed; ms a frame."""
        distance = np.concatenate([np.empty((0, 2)), *self._distance])
        result: dict[str, Any] = {
            name: {key: value for metric in metrics for key, value in metric.result().items()}
            for name, metrics in self._following.items()
        }
        result["distance"] = {**_summary(distance[:, 0]), "sigma_off_by": _spread(distance[:, 1])}
        result["speed"] = _summary(np.array(self._speed))
        result["ms"] = 1e3 * self._seconds / max(1, self._frames)
        return result


def _stages() -> tuple[Stage, ...]:
    return ready(None, [TaskSpec("detection", CLASSES, ())])


def _warm(stages: tuple[Stage, ...], drive: Drive) -> None:
    """Compile before the clock runs."""
    scene = Scene(0, 0, drive.camera.size, _detections(drive.detections[:0]))
    frame = Frame(np.zeros((1, 1, 3), np.uint8), 0, 0, drive.name, drive.camera)
    for stage in stages:
        scene = stage(frame, scene)
        stage.reset()


def _detections(rows: Rows) -> Detections:
    score = rows.numbers.get("score", np.ones(len(rows.frame)))
    class_id = np.array([CLASSES.index(name) for name in rows.name], np.int32)
    best = np.argsort(-score, kind="stable")
    return Detections(rows.xyxy.astype(np.float32), score.astype(np.float32), class_id.reshape(-1))[best]


def _of(found: Detections | None, class_id: int) -> Followed:
    if found is None or found.track is None:
        return NOBODY
    own = (found.class_id == class_id) & (found.track >= 0)
    return Followed(found.track[own], found.xyxy[own].astype(np.float64))


def _clear(truth: Rows) -> np.ndarray:
    """Neither occluded nor truncated."""
    return (truth.numbers["occluded"] == 0) & (truth.numbers["truncated"] == 0)


def _places(drive: Drive) -> dict[int, dict[int, np.ndarray]]:
    """Object -> frame -> metres ahead and left."""
    found: dict[int, dict[int, np.ndarray]] = {}
    numbers = drive.truth.numbers
    for k, frame in enumerate(drive.truth.frame.tolist()):
        place = np.array([numbers["nearest_m"][k], numbers["lateral_m"][k]])
        if np.isfinite(place).all():
            found.setdefault(int(numbers["track"][k]), {})[frame] = place
    return found


def _speed(drive: Drive, places: Mapping[int, np.ndarray], frame: int) -> float:
    """Over ground, m/s, from where it was STEPS frames before and after; NaN where it was not seen."""
    first, last = places.get(frame - STEPS), places.get(frame + STEPS)
    if first is None or last is None or any(frame + k not in drive.ego for k in range(-STEPS, STEPS)):
        return float("nan")
    turn, place = 0.0, np.zeros(2)
    for k in range(-STEPS, STEPS):
        ego = drive.ego[frame + k]
        place += ego.speed / RATE * np.array([np.cos(turn), np.sin(turn)])
        turn += (ego.yaw_rate or 0.0) / RATE
    cos, sin = np.cos(turn), np.sin(turn)
    then = place + np.array([[cos, -sin], [sin, cos]]) @ last
    return float(np.hypot(*(then - first)) / (2 * STEPS / RATE))


def _summary(errors: np.ndarray) -> dict[str, float | None]:
    if not len(errors):
        return {"n": 0, "mean": None, "median": None}
    return {"n": len(errors), "mean": float(errors.mean()), "median": float(np.median(errors))}


def _spread(errors: np.ndarray) -> float | None:
    """1 where errors are as large as said; by the median, as of a normal distribution."""
    return float(np.median(np.abs(errors)) / 0.6745) if len(errors) else None
