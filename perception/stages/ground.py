"""Where objects are on the road and how fast they move, in metres, with how sure that is."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from perception.jit import compiled
from perception.stages.level import Level, level_of
from perception.stages.motion import NEAREST, TALL, VX, VY, X, Y
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
        if lanes and scene.road_pitch is not None:
            lanes = self._on_road(lanes, level, scene.road_pitch)
        return replace(scene, detections=found, lanes=lanes)

    def _on_road(self, lanes: tuple[LaneLine, ...], level: Level, pitch: float) -> tuple[LaneLine, ...]:
        road, ends = level.on_road(self._pitch.rays, pitch, FARTHEST), self._pitch.ends.tolist()
        return tuple(
            LaneLine(line.image, road[a:b], line.score, line.kind, line.id, line.role, line.predicted)
            for line, a, b in zip(lanes, ends, ends[1:], strict=False)
        )

    def _placed(self, frame: Frame, found: Detections, number: np.ndarray, level: Level) -> Detections:
        track, pitch, book = self._track, self._pitch, self._track.book
        speed = np.nan if frame.ego is None else frame.ego.speed
        road, sigma, velocity = placed(
            track.rows, book.state, book.cov, book.body, track.box, track.cut, pitch.tall, pitch.spread,
            number, level.pixel, speed,
        )  # fmt: skip
        return replace(found, road=road, sigma_m=sigma, velocity=velocity)

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Nothing: `track` writes the distance beside the number."""


@compiled
def placed(
    rows: np.ndarray,
    state: np.ndarray,
    cov: np.ndarray,
    body: np.ndarray,
    box: np.ndarray,
    cut: np.ndarray,
    tall: np.ndarray,
    spread: np.ndarray,
    number: np.ndarray,
    pixel: float,
    speed: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`road` (n, 2), `sigma_m` (n,) and `velocity` (n, 2) of boxes, float32.

    `rows` of `state`, `cov`, `body`, or -1 (see `follow`); `tall` and `spread` as learnt (see `plane`); `box`
    rays, `cut` at the border; `number` of tracks; `speed` the own, NaN: unknown.
    """
    n = len(box)
    road, velocity = np.empty((n, 2), np.float32), np.full((n, 2), np.nan, np.float32)
    sigma, hidden = np.empty(n, np.float32), covered(box)
    for k in range(n):
        i, high = rows[k], max(box[k, 3] - box[k, 1], pixel)
        if i >= 0:
            ahead = max(state[i, X], NEAREST)
            scale = tall[k] / body[i, TALL]
            x, column, edges = ahead * scale, -state[i, Y] / ahead, math.sqrt(cov[i, X, X]) / ahead
            unsure = not math.sqrt(max(cov[i, VX, VX], 0.0)) * scale <= UNSURE
            if not (unsure or number[k] < 0 or math.isnan(speed)):
                velocity[k, 0] = (state[i, VX] - speed) * scale + speed
                velocity[k, 1] = state[i, VY] * scale
        else:
            x, column = tall[k] / high, (box[k, 0] + box[k, 2]) / 2
            edges = EDGES + pixel / high
        at_edge = cut[k, 0] or cut[k, 1]
        doubt = (CUT if at_edge else 0.0) + (HIDDEN if hidden[k] > HIDDEN_SHARE else 0.0)
        road[k, 0], road[k, 1] = x, -column * x
        sigma[k] = math.hypot(spread[k], math.hypot(edges, doubt)) * math.hypot(x, column * x)
    return road, sigma, velocity
