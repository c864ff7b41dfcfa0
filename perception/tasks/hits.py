"""Counting right answers, false answers and missed truths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass
class Hits:
    """Nothing of nothing is 0: a model that answers nothing has precision 0, recall 0, F1 0."""

    right: int = 0  # answers that agree with a truth
    false: int = 0  # answers that do not
    found: int = 0  # truths that an answer agrees with
    missed: int = 0  # truths without one

    def add(self, right: int, false: int, found: int, missed: int) -> None:
        self.right += int(right)
        self.false += int(false)
        self.found += int(found)
        self.missed += int(missed)

    @property
    def precision(self) -> float:
        return ratio(self.right, self.right + self.false)

    @property
    def recall(self) -> float:
        return ratio(self.found, self.found + self.missed)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return ratio(2 * self.precision * self.recall, self.precision + self.recall)

    def result(self, prefix: str = "") -> Mapping[str, float]:
        return {f"{prefix}{name}": getattr(self, name) for name in ("precision", "recall", "f1")}


def ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
