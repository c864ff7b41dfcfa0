"""What the frames tell of the mount, every so often: motion, lane lines, lane width and vehicles."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import numpy as np

from perception.camera import CameraModel
from perception.stages.kinds import KINDS
from perception.stages.lens import turn_of
from perception.stages.mount.belief import DEGREE, Belief
from perception.stages.mount.flow import Grey, again, corners, grey
from perception.stages.mount.meeting import meeting
from perception.stages.mount.travel import Travel, road_under, travelled
from perception.types import Detections, Ego, Frame, LaneLine, Scene

PAIR_EVERY, LINES_EVERY = (20, 60), (5, 15)  # frames: before the mount is calibrated, and after
SHORTEST_S, LONGEST_S = 0.035, 0.25  # between the two pictures of a pair
TURN = np.array([0.05, 0.1, 0.03])  # rad/s about x, y, z: standard deviation of the turn, not measured
YAW_RATE = 0.01  # rad/s, likewise where it is measured
FEWEST, SHARE = 20, 0.55  # points of a pair; of these so many must move as one
PIXEL = 0.2  # standard deviation of a point's motion
NOISIEST = 6.0  # times that: the pair is not used
STANDS = 0.4  # pixels: median motion of points of a camera that stands
TURNING = 2.5 * DEGREE  # a second: the camera sits before the axle, and slips aside
BOB = 0.3 * DEGREE  # pitching of the vehicle in a moment; likewise its yawing
SLOPE, SLOPE_S = 0.25 * DEGREE, 5.0  # of the road ahead, and how long it stays
HEADING, HEADING_S = 0.7 * DEGREE, 4.0  # in the lane, likewise
BOB_S = 0.5
LANE, LANE_SPREAD, LANE_S = 3.5, 0.1, 60.0  # metres, standard deviation of its logarithm; seconds alike
LANES = 1.5, 3.6  # camera heights: a lane is so wide
VEHICLE_S = 5.0  # seconds that the same vehicles are seen
AGAIN = 5  # pairs in a row before something odd is said
ABOVE = 3.0  # times as near are points above the focus as those below, upside down
WIDE = 2.5  # camera heights aside: still on the road

log = logging.getLogger(__name__)


class Evidence:
    """Tells a Belief. `upside_down`: what is above in the picture is near, what is below is far."""

    def __init__(self, classes: Sequence[str], road_edge: int) -> None:
        self._road_edge = road_edge
        self._vehicle = list(classes).index("vehicle") if "vehicle" in classes else -1
        self.clear()

    def clear(self) -> None:
        self._count = 0
        self._next_pair = self._next_lines = 0  # of `_count`
        self._first: tuple[Grey, np.ndarray, int] | None = None  # the first picture of a pair
        self._lines_s = 0.0  # since lines were looked at
        self._odd = {"above": 0, "ego": 0}
        self.upside_down = False
        self._ego_doubted = False

    def __call__(self, belief: Belief, frame: Frame, scene: Scene, dt: float) -> bool:
        """Whether this frame told anything. `dt` seconds since the last frame."""
        camera = belief.camera.at(frame.size)
        heard, steady = False, belief.calibrated and not belief.doubted
        self._lines_s += dt
        if self._count >= self._next_lines:
            if scene.lanes:
                heard = self._lines(belief, scene.lanes, camera, max(self._lines_s, 0.03))
            if scene.detections is not None:
                self._vehicles(belief, scene.detections, camera, self._lines_s)
            self._lines_s, self._next_lines = 0.0, self._count + LINES_EVERY[steady]
        if self._first is not None:
            gap = (frame.stamp_ns - self._first[2]) / 1e9
            if gap >= SHORTEST_S:
                heard = (gap <= LONGEST_S and self._pair(belief, frame, camera, gap)) or heard
                self._first = None
        elif self._count >= self._next_pair:
            self._next_pair = self._count + PAIR_EVERY[steady]
            picture = grey(frame.image)
            found = scene.detections
            without = np.empty((0, 4)) if found is None else found.xyxy
            self._first = picture, corners(picture, without), frame.stamp_ns
        self._count += 1
        return heard

    def _pair(self, belief: Belief, frame: Frame, camera: CameraModel, gap: float) -> bool:
        assert self._first is not None
        before, points, _ = self._first
        was, now = again(before, grey(frame.image), points)
        ego = None if self._ego_doubted else frame.ego
        far = float(np.median(np.hypot(*(now - was).T))) if len(was) >= FEWEST else 0.0
        self._doubt_ego(frame.ego, far, len(was))
        if far < STANDS:
            return False
        turn, sigma = np.zeros(3), TURN * gap
        if ego is not None and ego.yaw_rate is not None:
            turn[1], sigma[1] = -ego.yaw_rate * gap, YAW_RATE * gap
        p, q = camera.rays(was), camera.rays(now)
        fine = np.isfinite(p).all(1) & np.isfinite(q).all(1)
        p, q = p[fine], q[fine]
        if len(p) < FEWEST:
            return False
        pixel = PIXEL * before.scale / 2 / camera.fx
        told = travelled(p, q, focus_of(belief), turn, sigma, pixel)
        if (told.weight > 0.5).mean() < SHARE or told.noise > NOISIEST * pixel:
            return False
        if abs(told.turn[1]) > TURNING * gap:
            return False
        self._look_up(p, told)
        if self.upside_down:
            return False
        pitch, yaw = angles(told.focus, belief.numbers[2].mean)
        belief.told("motion", (pitch, float(told.cov[1, 1]) + BOB**2), (yaw, float(told.cov[0, 0]) + BOB**2))
        self._road(belief, p, told, ego, gap)
        return True

    def _road(self, belief: Belief, p: np.ndarray, told: Travel, ego: Ego | None, gap: float) -> None:
        """Roll, and with the own speed the height, by points on the road."""
        roll, way, roll_sigma, way_sigma = road_under(p, told.near, told.weight, told.focus, WIDE)
        if not math.isfinite(roll_sigma):
            return
        belief.numbers[2].told(roll, roll_sigma**2 + (0.5 * DEGREE) ** 2)
        if ego is not None and ego.speed > 3:
            value = math.log(ego.speed * gap / way / belief.camera.height)
            belief.numbers[3].told(value, (way_sigma / way) ** 2 + 0.05**2)

    def _look_up(self, p: np.ndarray, told: Travel) -> None:
        """Whether the picture is upside down: the road is always near, the sky never is."""
        sure = told.weight > 0.5
        high = told.near[sure & (p[:, 1] < told.focus[1] - 0.06)]
        low = told.near[sure & (p[:, 1] > told.focus[1] + 0.06)]
        mean_low = float(np.median(low)) if len(low) >= 3 else 0.0
        odd = len(high) >= 8 and float(np.median(high)) > ABOVE * max(mean_low, 1e-4)
        self._odd["above"] = min(self._odd["above"] + 1, 2 * AGAIN) if odd else max(self._odd["above"] - 2, 0)
        if self._odd["above"] >= AGAIN and not self.upside_down:
            log.warning("mount: the picture seems to be upside down; the mount is not learnt")
            self.upside_down = True
        elif not self._odd["above"]:
            self.upside_down = False

    def _doubt_ego(self, ego: Ego | None, far: float, points: int) -> None:
        """Whether own speed and picture contradict each other."""
        if ego is None or points < FEWEST:
            return
        odd = (ego.speed < 0.3 and far > 5 * STANDS) or (ego.speed > 3 and far < STANDS)
        self._odd["ego"] = self._odd["ego"] + 1 if odd else 0
        if self._odd["ego"] == AGAIN and not self._ego_doubted:
            log.warning(
                "mount: the own speed is %.1f m/s, but the picture %s; the own motion is not used",
                ego.speed,
                "moves" if far > STANDS else "stands",
            )
        self._ego_doubted = self._odd["ego"] >= AGAIN

    def _lines(self, belief: Belief, lines: tuple[LaneLine, ...], camera: CameraModel, dt: float) -> bool:
        paint = [x.image for x in lines if x.kind != self._road_edge and not x.predicted and len(x.image) > 5]
        if len(paint) < 2 or self.upside_down:
            return False
        points = turned(camera.rays(np.concatenate(paint)), belief.numbers[2].mean)
        if not np.isfinite(points).all():
            return False
        first = np.cumsum([0, *map(len, paint)])
        focus = turned(focus_of(belief)[None], belief.numbers[2].mean)[0]
        met, var, own = meeting(points, first, focus, 1 / camera.fx)
        if not (var < (2 * DEGREE) ** 2).all():
            return False
        pitch, yaw = angles(met, 0.0)
        alike_slope, alike_head, alike_bob = (max(1.0, 2 * s / dt) for s in (SLOPE_S, HEADING_S, BOB_S))
        of_pitch = var[1] * alike_bob + SLOPE**2 * alike_slope + BOB**2 * alike_bob
        of_yaw = var[0] * alike_bob + HEADING**2 * alike_head
        belief.told("lines", (pitch, float(of_pitch)), (yaw, float(of_yaw)))
        wide = np.diff(np.sort(own[np.isfinite(own)]))
        wide = wide[(wide > LANES[0]) & (wide < LANES[1])]
        if len(wide):
            value = math.log(LANE / float(wide.mean()) / belief.camera.height)
            belief.numbers[3].told(value, LANE_SPREAD**2 * max(1.0, 2 * LANE_S / dt))
        return True

    def _vehicles(self, belief: Belief, found: Detections, camera: CameraModel, dt: float) -> None:
        """The height of the camera by that of vehicles on the road before it."""
        box = found.xyxy[found.class_id == self._vehicle]
        w, h = camera.size
        whole = (box[:, 0] > 2) & (box[:, 1] > 2) & (box[:, 2] < w - 2) & (box[:, 3] < h - 2)
        box = box[whole & (box[:, 3] - box[:, 1] > 0.04 * h)]
        kind = KINDS["vehicle"]
        for x1, y1, x2, y2 in box.tolist():
            middle = np.array([[(x1 + x2) / 2, y1], [(x1 + x2) / 2, y2]])
            rays = turned(camera.rays(middle), belief.numbers[2].mean)
            below = rays[1, 1] + math.tan(belief.numbers[0].mean)
            high = rays[1, 1] - rays[0, 1]
            if below > 0.02 and high > 0.01:
                sigma = math.hypot(kind.spread, math.sqrt(belief.numbers[0].var + BOB**2) / below, 0.1)
                value = math.log(kind.tall * below / high / belief.camera.height)
                belief.numbers[3].told(value, sigma**2 * max(1.0, 2 * VEHICLE_S / max(dt, 0.03)))


def focus_of(belief: Belief) -> np.ndarray:
    """(2,) ray, in the camera's axes, that a vehicle with this mount travels along."""
    pitch, yaw, roll = (guess.mean for guess in belief.numbers[:3])
    ahead = turn_of(pitch, yaw, roll)[:, 0]
    return np.asarray(ahead[:2] / max(float(ahead[2]), 1e-3))


def angles(focus: np.ndarray, roll: float) -> tuple[float, float]:
    """Pitch and yaw of a camera with this roll that travels along `focus`."""
    x, y = turned(focus[None], roll)[0]
    length = math.sqrt(1 + x * x + y * y)
    return math.atan2(-y, 1.0), math.asin(x / length)


def turned(rays: np.ndarray, roll: float) -> np.ndarray:
    """Rays (n, 2) of a camera with this roll, as one without it has them."""
    cos, sin = math.cos(roll), math.sin(roll)
    return rays @ np.array([[cos, sin], [-sin, cos]])
