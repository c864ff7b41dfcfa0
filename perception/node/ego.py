"""The own motion at the time of an image, from the topics of the node's parameters."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from math import isfinite, nan
from threading import Lock
from typing import Any

from perception.messages import stamp_ns
from perception.node.parameters import Settings
from perception.sources.ego import FASTEST, FASTEST_TURN, FROZEN_S, LATE_S, STANDS
from perception.types import Ego

KEPT = 512  # messages of a topic: more than two seconds of a fast Imu
Hear = Callable[[Any], None]


class OwnMotion:
    """`problem` says why there is no motion, "" if that is as it should be. Other threads may hear."""

    def __init__(self, settings: Settings) -> None:
        self.problem = ""
        self._settings = settings
        self._speeds: deque[tuple[int, float, float]] = deque(maxlen=KEPT)  # stamp, m/s, rad/s
        self._turns: deque[tuple[int, float]] = deque(maxlen=KEPT)  # stamp, rad/s
        self._since_ns, self._same = 0, (0.0, 0.0)  # since when speed and yaw rate are the same
        self._lock = Lock()

    def topics(self) -> Iterator[tuple[str, str, Hear]]:
        """(topic, type, what hears it): of the speeds one, the twist if it is set, and the Imu."""
        settings = self._settings
        if settings.twist_topic:
            yield settings.twist_topic, "geometry_msgs/msg/TwistStamped", self.hear_twist
        elif settings.odometry_topic:
            yield settings.odometry_topic, "nav_msgs/msg/Odometry", self.hear_odometry
        if settings.imu_topic:
            yield settings.imu_topic, "sensor_msgs/msg/Imu", self.hear_imu

    def hear_odometry(self, message: Any) -> None:
        self._hear(stamp_ns(message.header), message.twist.twist)

    def hear_twist(self, message: Any) -> None:
        self._hear(stamp_ns(message.header), message.twist)

    def hear_imu(self, message: Any) -> None:
        with self._lock:
            self._turns.append((stamp_ns(message.header), float(message.angular_velocity.z)))

    def at(self, stamp_ns: int) -> Ego | None:
        """By the message that is nearest in time; None: not known."""
        settings = self._settings
        if not (settings.odometry_topic or settings.twist_topic):
            return None
        with self._lock:
            near, since_ns = _nearest(reversed(self._speeds), stamp_ns), self._since_ns
            turn = _nearest(reversed(self._turns), stamp_ns) if settings.imu_topic else near
        self.problem = _problem(near, since_ns)
        if self.problem:
            return None
        yaw_rate = turn[-1] if turn is not None else nan
        return Ego(near[1], yaw_rate if isfinite(yaw_rate) and abs(yaw_rate) <= FASTEST_TURN else None)

    def _hear(self, stamp: int, twist: Any) -> None:
        values = float(twist.linear.x), float(twist.angular.z)
        with self._lock:
            if values != self._same or stamp < self._since_ns:
                self._since_ns, self._same = stamp, values
            self._speeds.append((stamp, *values))


def _problem(near: Any, since_ns: int) -> str:
    """What is wrong with a speed that is the same since then; "": nothing."""
    if near is None:
        return f"no own motion within {LATE_S} s of the image: check odometry_topic, twist_topic"
    stamp, speed, _ = near
    if not abs(speed) <= FASTEST:  # also NaN
        return f"expected an own speed of at most {FASTEST:.0f} m/s, got {speed}"
    if abs(speed) > STANDS and stamp - since_ns >= FROZEN_S * 1e9:
        return f"the own motion is frozen: {speed:g} m/s, the same for more than {FROZEN_S:.0f} s"
    return ""


def _nearest(told: Iterable[Any], stamp_ns: int) -> Any:
    """Of messages from the newest to the oldest; None: none is near."""
    best = None
    for one in told:
        if best is not None and abs(one[0] - stamp_ns) > abs(best[0] - stamp_ns):
            break  # the older ones are farther still
        best = one
    return best if best is not None and abs(best[0] - stamp_ns) <= LATE_S * 1e9 else None
