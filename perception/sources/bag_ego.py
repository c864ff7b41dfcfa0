"""The own motion of a bag: speed and yaw rate, from its messages.

Speeds are those of a nav_msgs/Odometry, else of a geometry_msgs/TwistStamped, forward and turning left in the
axes of the vehicle (REP 103). Where a bag has one topic of the type it is taken; of several, `--ego TOPIC`
chooses one. A sensor_msgs/Imu tells the yaw rate where the other topic does not: its turning is 0 throughout.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from typing import Any

from perception.errors import DataError, SourceError
from perception.messages import stamp_ns
from perception.messages.topics import TOPICS
from perception.sources.bag import Bag, Topic
from perception.sources.ego import FASTEST, FASTEST_TURN, STANDS, Motion, Row, frozen

ODOMETRY, TWIST, IMU = "nav_msgs/msg/Odometry", "geometry_msgs/msg/TwistStamped", "sensor_msgs/msg/Imu"
SPEEDS: Mapping[str, Callable[[Any], Any]] = {  # type -> its geometry_msgs/Twist; the first that is there
    ODOMETRY: lambda message: message.twist.twist,
    TWIST: lambda message: message.twist,
}

log = logging.getLogger(__name__)


def motion_of(bag: Bag, topic: str | None, name: str) -> Motion | None:
    """None: the bag tells none, or of several topics none is chosen. Raises SourceError: no such topic."""
    found = chosen_motion(bag, topic, name)
    if found is None:
        return None
    rows = _rows(bag, found)
    moves = any(abs(row.speed or 0.0) > STANDS for row in rows)
    if moves and not any(row.yaw_rate for row in rows):
        rows = _turning(bag, rows, name)
    own = found.name == TOPICS["ego"][0]  # ours is by frame, as it was taken for true
    return Motion(f"{name}: {found.name}", rows if own else frozen(rows))


def chosen_motion(bag: Bag, topic: str | None, name: str) -> Topic | None:
    """The topic that tells the speeds; None and SourceError as `motion_of`. Reads no message."""
    if topic is not None:
        found = bag.topics.get(topic)
        if found is None or found.type not in SPEEDS:
            there = ", ".join(t.name for t in bag.topics.values() if t.type in SPEEDS)
            raise SourceError(
                f"{name}: expected a table, or a topic of {' or '.join(SPEEDS)}, for the own motion, got "
                f"{topic}{f', a {found.type}' if found else ''}; there are: {there or 'none'}"
            )
        return found
    for kind in SPEEDS:
        topics = [t for t in bag.topics.values() if t.type == kind and t.count]
        if len(topics) > 1:
            names = ", ".join(t.name for t in topics)
            log.warning(
                "%s: no own motion: %d topics of %s (%s); choose with --ego", name, len(topics), kind, names
            )
            return None
        if topics:
            return topics[0]
    return None


def _rows(bag: Bag, topic: Topic) -> list[Row]:
    twist = SPEEDS[topic.type]
    values = ((at, twist(message)) for at, message in _messages(bag, topic.name))
    return _ordered(
        Row(at, _within(one.linear.x, FASTEST), _within(one.angular.z, FASTEST_TURN)) for at, one in values
    )


def _turning(bag: Bag, rows: list[Row], name: str) -> list[Row]:
    """The rows with the yaw rate of the only Imu, else as they are."""
    there = [t for t in bag.topics.values() if t.type == IMU and t.count]
    if len(there) != 1:
        return rows
    log.info("%s: the yaw rate is that of %s", name, there[0].name)
    turns = (
        Row(at, 0.0, _within(message.angular_velocity.z, FASTEST_TURN))
        for at, message in _messages(bag, there[0].name)
    )
    imu = Motion(name, _ordered(turns))
    return [row._replace(yaw_rate=ego.yaw_rate if (ego := imu.at(row.at)[0]) else None) for row in rows]


def _messages(bag: Bag, topic: str) -> Iterator[tuple[float, Any]]:
    """(seconds, message), by its own stamp, or that of the recording if it has none."""
    for packed in bag.raw({topic}):
        try:
            message = packed.message()
        except DataError as error:
            log.warning("%s", error)
            continue
        yield (stamp_ns(message.header) or packed.time_ns) / 1e9, message


def _ordered(rows: Iterable[Row]) -> list[Row]:
    """By time; of equal times the last."""
    return sorted({row.at: row for row in rows}.values(), key=lambda row: row.at)


def _within(value: float, most: float) -> float | None:
    return float(value) if isfinite(value) and abs(value) <= most else None
