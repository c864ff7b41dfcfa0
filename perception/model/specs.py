"""What a network of this project offers the run time: for each task its outputs, classes and settings."""

from __future__ import annotations

from perception.bundle import MAIN, TaskSpec
from perception.tasks import TASKS

CROPS = TASKS["signs"].about.spec.network  # the network over sign crops; that over frames is MAIN
OUTPUTS = {name: task.about.spec.outputs for name, task in TASKS.items()}
FRAME_TASKS = tuple(name for name, task in TASKS.items() if task.about.spec.network == MAIN)


def task_spec(name: str) -> TaskSpec:
    return TASKS[name].about.spec
