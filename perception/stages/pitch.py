"""How the camera looks at the road in this frame, and how tall objects are: `plane`, as a stage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perception.stages import paint, plane
from perception.stages.level import Level, level_of
from perception.stages.mount.meeting import meeting
from perception.stages.track import Track
from perception.types import Frame, LaneLine, Scene

FIXED, TALL, SPREAD, LARGE = 5, 0, 6, slice(7, 10)  # columns of Track.kinds
KEPT_S = 2.0  # without an object or two lines, nothing is known of the pitch any more
POINTS = 12  # of a line that are used, or up to twice as many
UNSURE = 0.02  # as a ray: a horizon by lane lines that is less sure tells nothing
SLIM, SLIM_STEP = 1.3, 0.05  # height over width of a box, from which its vehicle is rather a large one
SLIMMEST = 0.9  # the most that this is worth, as a probability
WIDTH, LOW, TOP, WIDTH_SPREAD = 2.1, 1.9, 3.8, 0.15  # metres of a large vehicle: see `by_shape`


class Pitch:
    """`road_pitch`, from objects, lines and road edges; None where no camera is known, or nothing to tell it.

    For `ground`: `tall`, `spread` of each detection, metres and the standard deviation of its logarithm;
    `rays`, `ends`: the points of the lane lines as rays of the camera, as in `paint`.
    """

    name = "pitch"
    needs: tuple[str, ...] = ("track",)
    remembers = True
    longest_gap_s = 2.0

    def __init__(self, track: Track, road_edge: int) -> None:
        self._track, self._road_edge = track, road_edge
        self.plane = plane.empty_plane()
        self.tall, self.spread = np.empty(0), np.empty(0)
        self.rays, self.ends = np.empty((0, 2)), np.zeros(1, np.int64)
        self.reset()

    def reset(self) -> None:
        plane.cleared(self.plane)
        self._last_ns: int | None = None
        self._camera_pitch: float | None = None  # to which `plane` is relative
        self._idle = np.inf  # seconds since something told the pitch

    def __call__(self, frame: Frame, scene: Scene) -> Scene:
        dt = 0.0 if self._last_ns is None else (frame.stamp_ns - self._last_ns) / 1e9
        self._last_ns = frame.stamp_ns
        found = scene.detections
        if frame.camera is None or found is None or found.track is None or found.age_ms is None:
            return scene
        level = level_of(frame, scene)
        if self._camera_pitch is not None:
            self.plane.x[0] += level.camera.pitch - self._camera_pitch
        self._camera_pitch = level.camera.pitch
        kinds = self._track.kinds[found.class_id]
        stands = (kinds[:, FIXED] == 0) & (found.age_ms == 0)
        lines, doubt = self._horizon(scene.lanes or (), level)
        box, cut = self._track.box, self._track.cut
        self.tall, self.spread = plane.learnt(
            self.plane, found.track, box, kinds[:, TALL].copy(), kinds[:, SPREAD].copy(),
            by_shape(kinds[:, LARGE], box, cut), stands, cut, lines, doubt, level.camera.height, level.pixel,
            dt,
        )  # fmt: skip
        told = np.isfinite(lines) or bool((stands & ~cut[:, 1]).any())
        self._idle = 0.0 if told else self._idle + dt
        if self._idle > KEPT_S:
            return scene
        down = float(self.plane.x[0] + self.plane.x[1])
        return replace(scene, road_pitch=level.camera.pitch - float(np.arctan(down)))

    def _horizon(self, lanes: tuple[LaneLine, ...], level: Level) -> tuple[float, float]:
        """The row, as a ray, where lines beside the vehicle and road edges meet; its variance. NaN: none."""
        points, self.ends = paint.packed([line.image for line in lanes])
        self.rays = level.straightened(points)
        beside = [bool(line.role) or line.kind == self._road_edge for line in lanes]
        used = [k for k, line in enumerate(lanes) if beside[k] and not line.predicted]
        if len(used) < 2:
            return np.nan, np.inf
        rays = level.levelled(self.rays)
        parts = [rays[a:b][:: max(1, (b - a) // POINTS)] for a, b in (self.ends[k : k + 2] for k in used)]
        first = np.cumsum([0, *map(len, parts)])
        expected = np.array([0.0, self.plane.x[0] + self.plane.x[1]])
        met, variance, _ = meeting(np.concatenate(parts), first, expected, level.pixel)
        return (float(met[1]), float(variance[1])) if variance[1] < UNSURE**2 else (np.nan, np.inf)

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Nothing: it shows in the distances."""


def by_shape(large: np.ndarray, box: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Tall, spread and share of large vehicles (n, 3), where the shape of the box (n, 4) tells them.

    A vehicle seen from behind is narrower than high only if it is a large one: all are 1.6 to 2.6 metres
    wide, and a side that is seen too makes the box wider. So what is slim is large, and as high as its width
    says; what is not slim says nothing. `cut` (n, 2) as in `follow`.
    """
    wide, high = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
    slim = high / np.maximum(wide, 1e-6)
    share = np.minimum(1 / (1 + np.exp(np.clip((SLIM - slim) / SLIM_STEP, -50, 50))), SLIMMEST)
    told = (large[:, 2] > 0) & ~cut.any(1) & (share > large[:, 2])
    shaped = np.stack([np.clip(WIDTH * slim, LOW, TOP), np.full(len(slim), WIDTH_SPREAD), share], 1)
    return np.where(told[:, None], shaped, large)
