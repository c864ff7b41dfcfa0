"""Where objects are on the road and how fast they move, in metres, with how sure that is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perception.camera import CameraModel
from perception.stages import motion
from perception.stages.level import Level, level_of
from perception.stages.pitch import Pitch
from perception.stages.plane import HIDDEN as HIDDEN_SHARE
from perception.stages.plane import covered
from perception.stages.track import Track
from perception.types import Detections, Frame, LaneLine, Scene

EDGES = 0.02  # of the logarithm of a box's height, and one pixel
CUT = 0.35  # of the logarithm of a distance where the box ends at the border of the image
HIDDEN = 0.12  # likewise where a nearer one covers it
UNSURE = 3.0  # m/s: a speed less sure than that is not told
FARTHEST = 80.0  # metres, of lane lines


class Ground:
    """`detections.road`, `.sigma_m`, `.velocity`; lane lines on the road under the pitch of the frame.

    Without a camera nothing is told, without the own speed no velocity.
    """

    name = "ground"
    needs: tuple[str, ...] = ("track", "pitch")
    remembers = True
    longest_gap_s = 2.0

    def __init__(self, track: Track, pitch: Pitch) -> None:
        self._track, self._pitch = track, pitch

    def reset(self) -> None:
        """Its memory is that of the stages it reads."""

    def __call__(self, frame: Frame, scene: Scene) -> Scene:
        found = scene.detections
        if frame.camera is None:
            return scene
        level = level_of(frame, scene)
        if found is not None and found.track is not None:
            found = self._placed(frame, found, found.track, level)
        lanes = scene.lanes
        if lanes is not None and scene.road_pitch is not None:
            camera = replace(level.camera, pitch=scene.road_pitch)
            lanes = tuple(_on_road(line, camera) for line in lanes)
        return replace(scene, detections=found, lanes=lanes)

    def _placed(self, frame: Frame, found: Detections, number: np.ndarray, level: Level) -> Detections:
        track, tall, spread = self._track, self._pitch.tall, self._pitch.spread
        rows, book = track.rows, track.book
        usual = track.kinds[found.class_id, 0]
        box = track.box
        high = np.maximum(box[:, 3] - box[:, 1], level.pixel)
        known = rows >= 0
        state, cov = book.state[rows], book.cov[rows]
        ahead = np.maximum(state[:, motion.X], motion.NEAREST)
        usual = np.where(known, book.body[rows, motion.TALL], usual)
        scale = tall / usual
        x = np.where(known, ahead, usual / high) * scale
        column = np.where(known, -state[:, motion.Y] / ahead, (box[:, 0] + box[:, 2]) / 2)
        edges = np.where(known, np.sqrt(cov[:, 0, 0]) / ahead, EDGES + level.pixel / high)
        hidden = covered(box) > HIDDEN_SHARE
        edges = np.hypot(edges, CUT * (track.cut[:, 0] | track.cut[:, 1]) + HIDDEN * hidden)
        road = np.stack([x, -column * x], 1)
        velocity = np.full((len(found), 2), np.nan)
        if frame.ego is not None:
            speed = np.array([frame.ego.speed, 0.0])
            velocity = (state[:, 2:] - speed) * scale[:, None] + speed
            unsure = np.sqrt(np.maximum(cov[:, 2, 2], 0)) * scale > UNSURE
            velocity[unsure | ~known | (number < 0)] = np.nan
        return replace(
            found,
            road=road.astype(np.float32),
            sigma_m=(np.hypot(spread, edges) * np.hypot(*road.T)).astype(np.float32),
            velocity=velocity.astype(np.float32),
        )

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Nothing: `track` writes the distance beside the number."""


def _on_road(line: LaneLine, camera: CameraModel) -> LaneLine:
    road = camera.to_road(line.image)
    road[~(road[:, 0] <= FARTHEST)] = np.nan
    return replace(line, road=road.astype(np.float32))
