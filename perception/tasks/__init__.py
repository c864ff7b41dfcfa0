"""The tasks, in the order in which they are decoded: a later one may read what an earlier one found."""

from __future__ import annotations

from typing import Any, Protocol

from perception.bundle import TaskSpec
from perception.field import Field
from perception.interfaces import Backend, Task
from perception.tasks.detection import Detection
from perception.tasks.drivable import Drivable
from perception.tasks.lanes import Lanes
from perception.tasks.signs import SignReader


class Kind(Protocol):
    """The class of a task."""

    @property
    def field(self) -> Field[Any]:
        """Of Scene: what it fills."""

    def __call__(self, spec: TaskSpec, network: Backend | None, /) -> Task: ...


TASKS: dict[str, Kind] = {
    "detection": Detection,
    "lanes": Lanes,
    "signs": SignReader,
    "drivable": Drivable,
}
