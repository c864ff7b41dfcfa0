"""The definitions are what ROS libraries understand, and `fill` makes their objects."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import numpy as np
import pytest

from perception.fields import RESULTS, TRUTH
from perception.messages import TOPICS, definitions, fill, header, label_info
from perception.messages.definitions import HERE, fields
from perception.messages.fill import NESTED, nested_types

# Field by field as in ros-perception/vision_msgs 4, the version of ROS 2 humble to kilted.
VISION = {
    "Point2D": {"x": "float64", "y": "float64"},
    "Pose2D": {"position": "vision_msgs/Point2D", "theta": "float64"},
    "BoundingBox2D": {"center": "vision_msgs/Pose2D", "size_x": "float64", "size_y": "float64"},
    "ObjectHypothesis": {"class_id": "string", "score": "float64"},
    "ObjectHypothesisWithPose": {
        "hypothesis": "vision_msgs/ObjectHypothesis",
        "pose": "geometry_msgs/PoseWithCovariance",
    },
    "Detection2D": {
        "header": "std_msgs/Header",
        "results": "vision_msgs/ObjectHypothesisWithPose[]",
        "bbox": "vision_msgs/BoundingBox2D",
        "id": "string",
    },
    "Detection2DArray": {"header": "std_msgs/Header", "detections": "vision_msgs/Detection2D[]"},
    "VisionClass": {"class_id": "uint16", "class_name": "string"},
    "LabelInfo": {
        "header": "std_msgs/Header",
        "class_map": "vision_msgs/VisionClass[]",
        "threshold": "float32",
    },
}


@pytest.mark.parametrize("name", VISION)
def test_vision_msgs_are_those_of_ros(name):
    got = fields(definitions()[f"vision_msgs/msg/{name}"])
    assert list(got.items()) == list(VISION[name].items())  # the order is that of the bytes


def test_all_definitions_are_parsed_by_rosbags(typestore):
    assert set(definitions()) <= set(typestore.types)
    assert {kind for _, kind in {**TOPICS, **RESULTS, **TRUTH}.values()} <= set(typestore.types)


@pytest.mark.parametrize("name", NESTED)
def test_nested_fields_are_those_of_the_standard(typestore, name):
    known = {field for field, *_ in typestore.fielddefs[name][1]}
    assert set(nested_types(name)) <= known


def test_the_package_builds_every_message():
    package = HERE / "perception_msgs"
    cmake = (package / "CMakeLists.txt").read_text()
    assert all(f'"msg/{path.name}"' in cmake for path in (package / "msg").iterdir())
    depends = {node.text for node in ElementTree.parse(package / "package.xml").iter("depend")}
    assert depends == {"geometry_msgs", "std_msgs", "vision_msgs"}


def test_fill_makes_objects_all_the_way_down():
    record = label_info(("a", "b"), header(1_000_000_002, "cam"), 0.5)
    message = fill(lambda name: SimpleNamespace, "vision_msgs/msg/LabelInfo", record)
    assert message.header.stamp.nanosec == 2
    assert [entry.class_name for entry in message.class_map] == ["a", "b"]


def test_numbers_become_what_the_library_wants():
    record = {"header": header(0, ""), "format": "jpeg", "data": b"\x01\x02"}
    as_list = fill(lambda name: SimpleNamespace, "sensor_msgs/msg/CompressedImage", record, list)
    as_numpy = fill(lambda name: SimpleNamespace, "sensor_msgs/msg/CompressedImage", record)
    assert as_list.data == [1, 2]
    assert as_numpy.data.dtype == np.uint8
