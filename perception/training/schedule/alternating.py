"""One task a step, in turns."""

from __future__ import annotations

from perception.training.config import Config
from perception.training.schedule.plan import Plan


class Alternating:
    def __init__(self, config: Config) -> None:
        self.plans = [Plan(frozenset({task})) for task in config.tasks]

    def __call__(self, step: int, progress: float) -> Plan:
        return self.plans[step % len(self.plans)]
