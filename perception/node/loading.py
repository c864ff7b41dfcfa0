"""From the node's settings to a pipeline that has run once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from perception.crop import WHOLE
from perception.node.parameters import Settings
from perception.pipeline import Pipeline
from perception.types import Frame

WARM_UP = 2  # frames: the first compiles kernels and fills caches


@dataclass(frozen=True)
class Loaded:
    pipeline: Pipeline
    thresholds: Mapping[str, float]  # task name -> the smallest score it reports
    model: str  # name and version of the bundle


Load = Callable[[Settings], Loaded]


def load(settings: Settings) -> Loaded:
    """Raises what `perception.load` raises."""
    from perception.bundle import read
    from perception.stages.warm import warm_up

    config = settings.pipeline
    pipeline = config.load()
    warm = pipeline.with_tasks(pipeline.tasks)
    warm.crop = WHOLE  # that of the pipeline may not fit into so small a frame
    width, height = pipeline.backend.input_size
    for seq in range(WARM_UP):
        warm(Frame(np.zeros((height, width, 3), np.uint8), 0, seq))
    if pipeline.stages:
        warm_up()
    spec = read(config.folder)
    least = {task.name: _least(task.settings.get("threshold", 0.0)) for task in spec.tasks.values()}
    return Loaded(pipeline, least, f"{spec.name} {spec.version}")


def _least(threshold: Any) -> float:
    """One threshold, or the smallest of those of the classes."""
    numbers = threshold.values() if isinstance(threshold, Mapping) else [threshold]
    return min((float(number) for number in numbers), default=0.0)
