"""From the node's settings to a pipeline that has run once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from perception.node.parameters import Settings
from perception.pipeline import Pipeline


@dataclass(frozen=True)
class Loaded:
    pipeline: Pipeline
    thresholds: Mapping[str, float]  # task name -> the smallest score it reports
    model: str  # name and version of the bundle


Load = Callable[[Settings], Loaded]


def load(settings: Settings) -> Loaded:
    """Raises what `perception.load` raises."""
    from perception.bundle import read

    config = settings.pipeline
    pipeline = config.load_warm()
    spec = read(config.folder)
    least = {task.name: _least(task.settings.get("threshold", 0.0)) for task in spec.tasks.values()}
    return Loaded(pipeline, least, f"{spec.name} {spec.version}")


def _least(threshold: Any) -> float:
    """One threshold, or the smallest of those of the classes."""
    numbers = threshold.values() if isinstance(threshold, Mapping) else [threshold]
    return min((float(number) for number in numbers), default=0.0)
