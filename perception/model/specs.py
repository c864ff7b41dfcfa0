"""What a network of this project offers the run time: for each task its outputs, classes and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from perception.bundle import MAIN, TaskSpec
from perception.tasks import TASKS
from perception.tasks.signs import SIGN

CROPS = TASKS["signs"].about.spec.network  # the network over sign crops; that over frames is MAIN
OUTPUTS = {name: task.about.spec.outputs for name, task in TASKS.items()}
CLASSES = {name: task.about.spec.classes for name, task in TASKS.items()}
FRAME_TASKS = tuple(name for name, task in TASKS.items() if task.about.spec.network == MAIN)
NEW = 0.4  # threshold of a class that is not ours, until it is picked on val


def task_spec(name: str, classes: Mapping[str, Sequence[str]] = CLASSES) -> TaskSpec:
    """`classes`: of the network's tasks, where they are not ours."""
    spec = TASKS[name].about.spec
    own, settings = tuple(classes.get(name, spec.classes)), dict(spec.settings)
    if name == "detection":
        settings["threshold"] = {each: settings["threshold"].get(each, NEW) for each in own}
    if name == "signs" and SIGN in (objects := list(classes.get("detection", CLASSES["detection"]))):
        settings["sign_id"] = objects.index(SIGN)
    return replace(spec, classes=own, settings=settings)
