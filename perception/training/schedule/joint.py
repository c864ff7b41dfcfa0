"""All tasks at every step; the batch is mixed of all sources."""

from __future__ import annotations

from perception.training.config import Config
from perception.training.schedule.plan import Plan


class Joint:
    def __init__(self, config: Config) -> None:
        self.plan = Plan(frozenset(config.tasks))

    def __call__(self, step: int, progress: float) -> Plan:
        return self.plan
