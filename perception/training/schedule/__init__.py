"""When which task is trained: one file a schedule, one line here."""

from __future__ import annotations

from collections.abc import Callable

from perception.training.config import Config
from perception.training.schedule.alternating import Alternating
from perception.training.schedule.grouped import Grouped
from perception.training.schedule.joint import Joint
from perception.training.schedule.plan import Plan, Schedule
from perception.training.schedule.staged import Staged

SCHEDULES: dict[str, Callable[[Config], Schedule]] = {
    "joint": Joint,
    "alternating": Alternating,
    "grouped": Grouped,
    "staged": Staged,
}

__all__ = ["SCHEDULES", "Plan", "Schedule"]
