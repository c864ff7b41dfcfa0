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
        self._driving, self._turning = Unchanged(), Unchanged()
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
        stamp, yaw_rate = stamp_ns(message.header), float(message.angular_velocity.z)
        with self._lock:
            self._turning.hear(stamp, yaw_rate)
            self._turns.append((stamp, yaw_rate))

    def at(self, stamp_ns: int) -> Ego | None:
        """By the message that is nearest in time; None: not known."""
        settings = self._settings
        if not (settings.odometry_topic or settings.twist_topic):
            return None
        with self._lock:
            near, since_ns = _nearest(reversed(self._speeds), stamp_ns), self._driving.since_ns
            turn = near
            if settings.imu_topic:  # whose yaw rate counts; without one a speed may stay the same
                turn = _nearest(reversed(self._turns), stamp_ns)
                since_ns = stamp_ns if turn is None else max(since_ns, self._turning.since_ns)
        self.problem = _problem(near, since_ns)
        if self.problem:
            return None
        yaw_rate = turn[-1] if turn is not None else nan
        return Ego(near[1], yaw_rate if isfinite(yaw_rate) and abs(yaw_rate) <= FASTEST_TURN else None)

    def _hear(self, stamp: int, twist: Any) -> None:
        speed, yaw_rate = float(twist.linear.x), float(twist.angular.z)
        with self._lock:
            self._driving.hear(stamp, speed if self._settings.imu_topic else (speed, yaw_rate))
            self._speeds.append((stamp, speed, yaw_rate))


class Unchanged:
    """Since which stamp a topic says the same. NaN is never the same."""

    def __init__(self) -> None:
        self.since_ns = 0
        self._last: Any = None

    def hear(self, stamp: int, value: Any) -> None:
        if value != self._last or stamp < self.since_ns:
            self.since_ns, self._last = stamp, value


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
