"""The tasks, in the order in which they are decoded: a later one may read what an earlier one found.

TASKS are our own, by name. ADDED are the kinds of tasks that users add (`perception add-task`): of a kind
there may be any number, each with a name of its own; the bundle says which there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from perception.bundle import TaskSpec
from perception.field import Field
from perception.interfaces import Backend, Task
from perception.tasks.about import About
from perception.tasks.class_map import MapClassifier
from perception.tasks.detection import Detection
from perception.tasks.drivable import Drivable
from perception.tasks.image_class import ImageClassifier
from perception.tasks.lanes import Lanes
from perception.tasks.object_class import ObjectClassifier
from perception.tasks.signs import SignReader


class Made(Protocol):
    """The class of a task, or of a kind of added tasks."""

    @property
    def field(self) -> Field[Any]:
        """Of Scene: what it fills."""

    def on_device(self, spec: TaskSpec) -> Mapping[str, Any]:
        """What a backend that decodes on its device must know (`backends.cuda.Settings`)."""

    def __call__(self, spec: TaskSpec, network: Backend | None, /) -> Task: ...


class Kind(Made, Protocol):
    """The class of a task of our own."""

    @property
    def about(self) -> About: ...


TASKS: dict[str, Kind] = {
    "detection": Detection,
    "lanes": Lanes,
    "signs": SignReader,
    "drivable": Drivable,
}

ADDED: dict[str, Made] = {"image": ImageClassifier, "object": ObjectClassifier, "map": MapClassifier}


def maker(spec: TaskSpec) -> Made:
    """What makes the task that a bundle describes."""
    return ADDED[spec.kind] if spec.kind else TASKS[spec.name]
