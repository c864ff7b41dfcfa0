"""Groups of tasks in turns, one group a step; from the share JOIN of the run on, all together.

Groups are the settings' `groups`; a task that is in none is a group of its own.
"""

from __future__ import annotations

from perception.errors import DataError
from perception.training.config import Config
from perception.training.schedule.plan import Plan

JOIN = 0.6


class Grouped:
    def __init__(self, config: Config) -> None:
        named = [task for group in config.groups for task in group]
        unknown, twice = set(named) - set(config.tasks), len(named) != len(set(named))
        if unknown or twice:
            raise DataError(f"groups: expected each of {config.tasks} at most once, got {config.groups}")
        alone = [(task,) for task in config.tasks if task not in named]
        self.plans = [Plan(frozenset(group)) for group in (*config.groups, *alone)]
        self.together = Plan(frozenset(config.tasks))

    def __call__(self, step: int, progress: float) -> Plan:
        return self.plans[step % len(self.plans)] if progress < JOIN else self.together
