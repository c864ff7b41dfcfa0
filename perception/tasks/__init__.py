"""The tasks, in the order in which they are decoded: a later one may read what an earlier one found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from perception.bundle import TaskSpec
from perception.field import Field
from perception.interfaces import Backend, Task
from perception.tasks.about import About
from perception.tasks.detection import Detection
from perception.tasks.drivable import Drivable
from perception.tasks.lanes import Lanes
from perception.tasks.signs import SignReader


class Kind(Protocol):
    """The class of a task."""

    @property
    def about(self) -> About: ...

    @property
    def field(self) -> Field[Any]:
        """Of Scene: what it fills."""

    def on_device(self, spec: TaskSpec) -> Mapping[str, Any]:
        """What a backend that decodes on its device must know (`backends.cuda.Settings`)."""

    def __call__(self, spec: TaskSpec, network: Backend | None, /) -> Task: ...


TASKS: dict[str, Kind] = {
    "detection": Detection,
    "lanes": Lanes,
    "signs": SignReader,
    "drivable": Drivable,
}
