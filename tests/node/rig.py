"""The node on a bus in this process, with a pipeline that is none."""

from __future__ import annotations

import time

import numpy as np

from perception import messages
from perception.node.bus import InProcessBus
from perception.node.node import PerceptionNode
from perception.node.parameters import Settings
from tests.node.fakes import FakePipeline

IMAGE, JPEG, INFO = (f"sensor_msgs/msg/{name}" for name in ("Image", "CompressedImage", "CameraInfo"))
NOW = 1_700_000_000_000_000_000


class Rig:
    """A node, a camera, and an ear on every topic."""

    def __init__(self, **settings) -> None:
        self.pipeline = FakePipeline(settings.pop("names", ("detection", "lanes", "signs", "drivable")))
        self.bus = InProcessBus(now_ns=lambda: NOW)
        self.settings = Settings(**settings)
        self.node = PerceptionNode(self.bus, self.settings, self.pipeline.load)
        kind = IMAGE if self.settings.transport == "raw" else JPEG
        self.camera = self.bus.publisher("image", kind)
        self.infos = self.bus.publisher("camera_info", INFO)
        self.heard = {}

    def hear(self, *topics):
        for topic in topics:
            self.heard[topic] = []
            self.bus.subscribe(topic, "", self.heard[topic].append)

    def start(self):
        self.node.configure()
        self.node.activate()

    def send(self, value=0, stamp_ns=NOW - 10_000_000, frame_id="front", **change):
        """value: of all pixels, or a whole picture."""
        picture = np.full((48, 64, 3), value, np.uint8) if np.isscalar(value) else value
        header = messages.header(stamp_ns, frame_id)
        self.camera.publish({**messages.image(picture, header), **change})

    def until(self, holds):
        end = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < end, self.values()
            time.sleep(0.001)

    def answered(self, count):
        self.until(lambda: self.node.counting.counts().answered >= count)

    def values(self):
        return {pair["key"]: pair["value"] for pair in self.node.status()["values"]}
