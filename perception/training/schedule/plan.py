"""What a schedule is: for every step, which tasks are trained and which parts stand still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Plan:
    tasks: frozenset[str]  # whose losses take part, if the batch has truth for them
    frozen: tuple[str, ...] = ()  # parts by the beginning of their names, such as "trunk" or "heads.lanes"


class Schedule(Protocol):
    def __call__(self, step: int, progress: float) -> Plan:
        """The plan of a step, counted from 0, before which `progress` of the run (0 to 1) is done."""
