"""All tasks throughout, but parts stand still for a while: `frozen` = part -> (from, to), shares of the run.

    --set schedule=staged --set 'frozen={"trunk": [0, 0.3], "heads.signs": [0.5, 1]}'

Frozen parts keep their weights and their batch norms' statistics, which would drift otherwise.
"""

from __future__ import annotations

from perception.errors import DataError
from perception.training.config import Config
from perception.training.schedule.plan import Plan


class Staged:
    def __init__(self, config: Config) -> None:
        for part, span in config.frozen.items():
            if len(span) != 2 or not 0 <= span[0] < span[1] <= 1:
                raise DataError(f"frozen.{part}: expected [from, to] within 0 and 1, got {span}")
        self.tasks, self.frozen = frozenset(config.tasks), config.frozen

    def __call__(self, step: int, progress: float) -> Plan:
        return Plan(self.tasks, tuple(part for part, (a, b) in self.frozen.items() if a <= progress < b))
