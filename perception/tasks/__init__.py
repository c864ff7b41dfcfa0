"""The tasks, in the order in which they are decoded: a later one may read what an earlier one found."""

from __future__ import annotations

from collections.abc import Callable

from perception.bundle import TaskSpec
from perception.interfaces import Backend, Task
from perception.tasks.detection import Detection
from perception.tasks.drivable import Drivable
from perception.tasks.lanes import Lanes
from perception.tasks.signs import SignReader

TASKS: dict[str, Callable[[TaskSpec, Backend | None], Task]] = {
    "detection": Detection,
    "lanes": Lanes,
    "signs": SignReader,
    "drivable": Drivable,
}
