"""The drivable map over time: a place changes once two frames in a row say so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, sin

import numpy as np

from perception.camera import FISHEYE
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
            places = changed(seen, before.given)
            given = seen.copy()
            given.ravel()[places] = _settled(seen.ravel()[places], *self._were(frame, before, places, pixels))
        self._before = _Before(seen, given, frame.stamp_ns, pixels)
        return replace(scene, drivable=ClassMap(given, found.size))

    def _were(
        self, frame: Frame, before: _Before, places: np.ndarray, pixels: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """What was seen and given out last at the same places of the road, by flat number."""
        if pixels is not None and before.pixels is not None and frame.ego is not None:
            moved = before.pixels @ _motion(frame.ego, (frame.stamp_ns - before.stamp_ns) / 1e9)
            road = np.linalg.inv(pixels)
            places = carried(places, before.seen.shape, moved @ road, frame.size, _horizon(road, frame.size))
        return before.seen.ravel()[places], before.given.ravel()[places]

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Nothing: the task draws its map."""


def changed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Flat numbers (k,) of the cells in which two maps of labels differ: eight cells are compared at once."""
    differ = (one ^ other).ravel()
    whole = len(differ) // EIGHT * EIGHT
    words = np.flatnonzero(differ[:whole].view(np.uint64))
    cells = np.append(words[:, None] * EIGHT + np.arange(EIGHT), np.arange(whole, len(differ)))
    return cells[differ[cells] != 0]


def _settled(now: np.ndarray, seen: np.ndarray, given: np.ndarray) -> np.ndarray:
    """What two frames say; else what was given out."""
    return np.where(now == seen, now, given)


def carried(
    places: np.ndarray, shape: tuple[int, ...], then: np.ndarray, size: Size, horizon: float
) -> np.ndarray:
    """Flat numbers of cells (k,) in a map of `shape`, to those where the same road was in the last frame.

    `then` (3, 3): pixels of an image of `size` to pixels then, on the road. Cells above the row `horizon`, in
    pixels, and those that were outside of the image, keep their number.
    """
    rows, columns = np.divmod(places, shape[1])
    wide, high = size[0] / shape[1], size[1] / shape[0]
    x, y = (columns + 0.5) * wide, (rows + 0.5) * high
    depth = then[2, 0] * x + then[2, 1] * y + then[2, 2]
    depth[np.abs(depth) < 1e-9] = np.nan
    column = np.floor((then[0, 0] * x + then[0, 1] * y + then[0, 2]) / depth / wide)
    row = np.floor((then[1, 0] * x + then[1, 1] * y + then[1, 2]) / depth / high)
    known = (y > horizon) & (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    there = row[known].astype(np.int64) * shape[1] + column[known].astype(np.int64)
    carried = places.copy()
    carried[known] = there
    return carried


def _image_from_road(frame: Frame, scene: Scene) -> np.ndarray | None:
    """(3, 3) homogeneous pixels from metres on the road, as if the lens were straight; None: not known."""
    if frame.camera is None or frame.ego is None or frame.camera.lens == FISHEYE:
        return None
    camera = level_of(frame, scene).camera
    if scene.road_pitch is not None:
        camera = replace(camera, pitch=scene.road_pitch)
    ground = np.array([(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -camera.height)])
    found: np.ndarray = camera.matrix @ camera.camera_from_vehicle @ ground
    return found


def _motion(ego: Ego, dt: float) -> np.ndarray:
    """(3, 3): road metres in the axes of the vehicle now to those `dt` seconds ago."""
    turn = (ego.yaw_rate or 0.0) * dt
    ahead = ego.speed * dt
    return np.array(
        [
            (cos(turn), -sin(turn), ahead * cos(turn / 2)),
            (sin(turn), cos(turn), ahead * sin(turn / 2)),
            (0.0, 0.0, 1.0),
        ]
    )


def _horizon(road: np.ndarray, size: Size) -> float:
    """The row below which the middle column of an image of `size` shows road. `road` (3, 3): from pixels."""
    down, base = road[2, 1], road[2, 0] * size[0] / 2 + road[2, 2]
    return float(-base / down + BELOW * size[1])
