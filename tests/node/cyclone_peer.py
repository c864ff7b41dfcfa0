"""Cyclone DDS as a listener that knows nothing of ROS but names and types: a second stack.

    .venv/ros2/bin/python -m tests.node.cyclone_peer OUT.json

Writes an empty file once it listens; the detections it heard, when none came for a while.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from cyclonedds.core import Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import make_idl_struct
from cyclonedds.idl.annotations import final
from cyclonedds.idl.types import array, float64, int32, sequence, uint32
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from tests.node.heard import boxes

PATIENCE_S, SILENCE_S = 40.0, 3.0  # for the first message, after the last
QOS = Qos(Policy.Reliability.BestEffort, Policy.Durability.Volatile, Policy.History.KeepLast(100))


def struct(package: str, name: str, **fields: Any) -> Any:
    """A message type under the name that ROS 2 gives it on the wire."""
    return final(make_idl_struct(name, f"{package}::msg::dds_::{name}_", fields))


Time = struct("builtin_interfaces", "Time", sec=int32, nanosec=uint32)
Header = struct("std_msgs", "Header", stamp=Time, frame_id=str)
Point = struct("geometry_msgs", "Point", x=float64, y=float64, z=float64)
Quaternion = struct("geometry_msgs", "Quaternion", x=float64, y=float64, z=float64, w=float64)
Pose = struct("geometry_msgs", "Pose", position=Point, orientation=Quaternion)
Placed = struct("geometry_msgs", "PoseWithCovariance", pose=Pose, covariance=array[float64, 36])
Hypothesis = struct("vision_msgs", "ObjectHypothesis", class_id=str, score=float64)
Result = struct("vision_msgs", "ObjectHypothesisWithPose", hypothesis=Hypothesis, pose=Placed)
Point2D = struct("vision_msgs", "Point2D", x=float64, y=float64)
Pose2D = struct("vision_msgs", "Pose2D", position=Point2D, theta=float64)
Box = struct("vision_msgs", "BoundingBox2D", center=Pose2D, size_x=float64, size_y=float64)
Detection = struct("vision_msgs", "Detection2D", header=Header, results=sequence[Result], bbox=Box, id=str)
Detections = struct("vision_msgs", "Detection2DArray", header=Header, detections=sequence[Detection])


def main(out: Path) -> None:
    participant = DomainParticipant(0)
    topic = Topic(participant, "rt/perception/detections", Detections, qos=QOS)  # rt: a ROS topic
    reader = DataReader(participant, topic, qos=QOS)
    out.touch()
    heard: list[Any] = []
    quiet = time.monotonic() + PATIENCE_S
    while time.monotonic() < quiet:
        for message in reader.take(100):
            if hasattr(message, "detections"):
                stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
                heard.append([stamp, boxes(message)])
                quiet = time.monotonic() + SILENCE_S
        time.sleep(0.02)
    out.write_text(json.dumps(heard))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
