"""The drivable map over time: a place changes once two frames in a row say so."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from perception.camera import FISHEYE
from perception.jit import compiled
from perception.stages.lens import turn_of
from perception.stages.level import level_of
from perception.types import ClassMap, Ego, Frame, Scene, Size

LONGEST_S = 0.15  # between frames: at a lower rate a map is given out as it is
EIGHT = 8  # labels in a number of 64 bits
BELOW = 0.02  # of the height of the image, below the horizon: from there the road is told to move


@dataclass(frozen=True, eq=False)
class _Before:
    """Of the last frame."""

    seen: np.ndarray  # (h, w) labels of the network
    given: np.ndarray  # (h, w) those given out
    stamp_ns: int
    pixels: np.ndarray | None  # (3, 3) image from road, both homogeneous; None: not known


class Steady:
    """`drivable`, of which a place that one frame alone sees otherwise is left as it was.

    A place is looked up where it was in the last frame, by the own motion, if that and the camera are known.
    """

    name = "steady"
    needs: tuple[str, ...] = ("drivable",)
    remembers = True
    longest_gap_s = LONGEST_S

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._before: _Before | None = None

    def __call__(self, frame: Frame, scene: Scene) -> Scene:
        found, before = scene.drivable, self._before
        if found is None or scene.blank:
            self.reset()
            return scene
        seen, pixels = np.ascontiguousarray(found.labels), _image_from_road(frame, scene)
        given = seen
        if before is not None and before.seen.shape == seen.shape:
            given = settled(seen, before.seen, before.given, *_carried(frame, before, pixels))
        self._before = _Before(seen, given, frame.stamp_ns, pixels)
        return replace(scene, drivable=ClassMap(given, found.size))

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Nothing: the task draws its map."""


def _carried(
    frame: Frame, before: _Before, pixels: np.ndarray | None
) -> tuple[np.ndarray, float, float, float]:
    """`then`, `wide`, `high` and `horizon` of `settled`; below no horizon where the motion is not known."""
    wide, high = frame.size[0] / before.seen.shape[1], frame.size[1] / before.seen.shape[0]
    if pixels is None or before.pixels is None or frame.ego is None:
        return np.eye(3), wide, high, np.inf
    road = np.linalg.inv(pixels)
    moved = before.pixels @ _motion(frame.ego, (frame.stamp_ns - before.stamp_ns) / 1e9)
    return moved @ road, wide, high, _horizon(road, frame.size)


@compiled
def settled(
    now: np.ndarray,
    seen: np.ndarray,
    given: np.ndarray,
    then: np.ndarray,
    wide: float,
    high: float,
    horizon: float,
) -> np.ndarray:
    """Labels (h, w) that two frames say; else those given out: `now`, and at the same places of the road
    `seen` and `given` in the last frame.

    `then` (3, 3): pixels of the image to pixels then, on the road; a cell has `wide` by `high` of them. Cells
    above the row `horizon`, in pixels, and those that were outside of the image are looked up where they are.
    Only where `now` is not what was given out is anything to be done: eight cells are compared at once.
    """
    shape, out = now.shape, now.copy()
    flat, last, told, result = now.ravel(), seen.ravel(), given.ravel(), out.ravel()
    whole = len(flat) // EIGHT * EIGHT
    ours, theirs = flat[:whole].view(np.uint64), told[:whole].view(np.uint64)
    for word in range(len(ours) + 1):
        if word < len(ours) and ours[word] == theirs[word]:
            continue
        for cell in range(word * EIGHT, min((word + 1) * EIGHT, len(flat))):
            if flat[cell] != told[cell]:
                place = _place(cell, shape, then, wide, high, horizon)
                result[cell] = flat[cell] if flat[cell] == last[place] else told[place]
    return out


@compiled
def _place(
    cell: int, shape: tuple[int, int], then: np.ndarray, wide: float, high: float, horizon: float
) -> int:
    """Flat number of the cell in which the road of this one was in the last frame."""
    x, y = (cell % shape[1] + 0.5) * wide, (cell // shape[1] + 0.5) * high
    depth = then[2, 0] * x + then[2, 1] * y + then[2, 2]
    if not y > horizon or abs(depth) < 1e-9:
        return cell
    column = math.floor((then[0, 0] * x + then[0, 1] * y + then[0, 2]) / depth / wide)
    row = math.floor((then[1, 0] * x + then[1, 1] * y + then[1, 2]) / depth / high)
    if 0 <= row < shape[0] and 0 <= column < shape[1]:
        return int(row * shape[1] + column)
    return cell


def _image_from_road(frame: Frame, scene: Scene) -> np.ndarray | None:
    """(3, 3) homogeneous pixels from metres on the road, as if the lens were straight; None: not known."""
    if frame.camera is None or frame.ego is None or frame.camera.lens == FISHEYE:
        return None
    camera = level_of(frame, scene).camera
    pitch = camera.pitch if scene.road_pitch is None else scene.road_pitch
    turn = turn_of(pitch, camera.yaw, camera.roll)
    found: np.ndarray = camera.matrix @ (turn * (1.0, 1.0, -camera.height))
    return found


def _motion(ego: Ego, dt: float) -> np.ndarray:
    """(3, 3): road metres in the axes of the vehicle now to those `dt` seconds ago."""
    turn = (ego.yaw_rate or 0.0) * dt
    ahead = ego.speed * dt
    return np.array(
        [
            (math.cos(turn), -math.sin(turn), ahead * math.cos(turn / 2)),
            (math.sin(turn), math.cos(turn), ahead * math.sin(turn / 2)),
            (0.0, 0.0, 1.0),
        ]
    )


def _horizon(road: np.ndarray, size: Size) -> float:
    """The row below which the middle column of an image of `size` shows road. `road` (3, 3): from pixels."""
    down, base = road[2, 1], road[2, 0] * size[0] / 2 + road[2, 2]
    return float(-base / down + BELOW * size[1])
