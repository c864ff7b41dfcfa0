"""A fifth task, all of it: how foggy an image is, one number. `test_fifth_task` lays it into a package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from perception.bundle import TaskSpec
from perception.comparison import Table, Tolerance, apart
from perception.field import SCORE, Field, rounded
from perception.messages.topics import VEHICLE_FRAME
from perception.tasks.about import About, Score


class FogField(Field[float]):
    """0: clear, 1: one grey."""

    name = task = topic = "fog"
    message = "sensor_msgs/msg/Temperature"  # a stamped number, which any ROS 2 knows
    tolerances: Mapping[str, Table] = {"": {"value": Tolerance(0.02)}}

    def to_json(self, value, classes):
        return rounded(value, SCORE)

    def from_json(self, value, classes):
        return value

    def to_message(self, value, classes, header, vehicle_frame=VEHICLE_FRAME):
        return {"header": header, "temperature": value, "variance": 0.0}

    def from_message(self, message, classes, size):
        return message.temperature

    def count(self, value, classes):
        return {"sum": value}

    def total(self, counts, frames):
        return {"mean": round(counts["sum"] / frames, 4)}

    def compare(self, was, now, size):
        yield apart("value", was, now)


class Fog:
    """Fills `scene.fog`; it needs no output of the network."""

    name = "fog"
    about = About(
        TaskSpec("fog", ("fog",), ()),
        Score("fog.*.error", "mean error"),
        {"fog": ("error",)},
        {"fog": ("#777777", "#aaaaaa")},
    )
    field = FogField()

    def __init__(self, spec, network=None):
        self.classes, self.outputs, self.needs = spec.classes, spec.outputs, spec.needs

    def decode(self, raw, frame, box, scene):
        return replace(scene, fog=1 - float(frame.image.std()) / 128)

    @staticmethod
    def on_device(spec):
        return {}

    def draw(self, canvas, scene):
        canvas[-16:] = 255
