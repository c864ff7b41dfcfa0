"""The node with a network that takes 0.15 s longer than it does."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

from perception.node.loading import Loaded, load
from perception.node.parameters import Settings
from perception.node.ros2 import main
from perception.types import Frame, Scene

DELAY_S = 0.15


class Slow:
    def __init__(self, pipeline) -> None:
        self.pipeline, self.close = pipeline, pipeline.close
        self.tasks, self.stages, self.backend = pipeline.tasks, pipeline.stages, pipeline.backend

    def __call__(self, frame: Frame) -> Scene:
        time.sleep(DELAY_S)
        return self.pipeline(frame)


def slow(settings: Settings) -> Loaded:
    loaded = load(settings)
    return replace(loaded, pipeline=Slow(loaded.pipeline))


if __name__ == "__main__":
    main(sys.argv[1:], slow)
