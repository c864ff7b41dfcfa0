"""The own motion at the time of an image, from the topics of the node's parameters."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from math import isfinite
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

    def topics(self) -> Iterator[tuple[str, str, Hear]]:
        """(topic, type, what hears it) of those that are set."""
        settings = self._settings
        yield from (
            (topic, kind, hear)
            for topic, kind, hear in (
                (settings.odometry_topic, "nav_msgs/msg/Odometry", self.hear_odometry),
                (settings.twist_topic, "geometry_msgs/msg/TwistStamped", self.hear_twist),
                (settings.imu_topic, "sensor_msgs/msg/Imu", self.hear_imu),
            )
            if topic
        )

    def hear_odometry(self, message: Any) -> None:
        self._hear(stamp_ns(message.header), message.twist.twist)

    def hear_twist(self, message: Any) -> None:
        self._hear(stamp_ns(message.header), message.twist)

    def hear_imu(self, message: Any) -> None:
        self._turns.append((stamp_ns(message.header), float(message.angular_velocity.z)))

    def at(self, stamp_ns: int) -> Ego | None:
        """By the message that is nearest in time; None: not known."""
        settings = self._settings
        if not (settings.odometry_topic or settings.twist_topic):
            return None
        self.problem = ""
        near = _nearest(list(self._speeds), stamp_ns)
        if near is None:
            self.problem = f"no own motion within {LATE_S} s of the image: check odometry_topic, twist_topic"
            return None
        _, speed, yaw_rate = near
        if not abs(speed) <= FASTEST:  # also NaN
            self.problem = f"expected an own speed of at most {FASTEST:.0f} m/s, got {speed}"
            return None
        if abs(speed) > STANDS and near[0] - self._since_ns >= FROZEN_S * 1e9:
            self.problem = f"the own motion is frozen: {speed:g} m/s, the same for more than {FROZEN_S:.0f} s"
            return None
        turn = _nearest(list(self._turns), stamp_ns) if settings.imu_topic else near
        yaw_rate = turn[-1] if turn is not None else float("nan")
        return Ego(speed, yaw_rate if isfinite(yaw_rate) and abs(yaw_rate) <= FASTEST_TURN else None)

    def _hear(self, stamp: int, twist: Any) -> None:
        values = float(twist.linear.x), float(twist.angular.z)
        if values != self._same or stamp < self._since_ns:
            self._since_ns, self._same = stamp, values
        self._speeds.append((stamp, *values))


def _nearest(told: list[Any], stamp_ns: int) -> Any:
    best = min(told, key=lambda one: abs(one[0] - stamp_ns), default=None)
    return best if best is not None and abs(best[0] - stamp_ns) <= LATE_S * 1e9 else None
