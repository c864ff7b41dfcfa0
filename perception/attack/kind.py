"""What every kind of attack does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from perception.attack.known import Known
from perception.types import Frame

Change = Callable[[Frame], Frame]  # from a frame to the same frame attacked


@dataclass(frozen=True)
class Aim:
    """What an attacker wants."""

    task: str  # of goals.TASKS, to make it wrong
    strength: int  # of Kind.strengths
    sure: float | None  # what confidence counts against the error; None: it does not aim, it draws at random


class Kind(Protocol):
    @property
    def strengths(self) -> tuple[int, ...]:
        """How much it may change."""

    @property
    def unit(self) -> str:
        """Of `strengths`."""

    @property
    def steps(self) -> int:
        """Of the search for a change."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Those that it can reach."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Tasks that must run for it, attacked or not."""

    @property
    def wanted(self) -> str:
        """What it is shown, in words."""

    def split(self, known: Known, frames: Sequence[Frame]) -> tuple[Sequence[Frame], Sequence[Frame]]:
        """Of the frames of one set: those to learn a change from, and those to be attacked by it."""

    def learn(self, known: Known, aim: Aim, frames: Sequence[Frame]) -> Change:
        """The change that serves `aim` best."""
