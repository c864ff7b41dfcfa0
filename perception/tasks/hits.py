"""Counting: right answers, false answers and missed truths; and how far scores can be believed."""

from __future__ import annotations

import numpy as np

from perception.tasks.evidence import BINS, Counts


class Hits:
    """Sums of `kind`, one of the formulas that take right, false, found and missed."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._sums = np.zeros(4)

    def add(self, right: float, false: float, found: float, missed: float) -> None:
        """Answers that agree with a truth and that do not; truths that an answer agrees with and others."""
        self._sums += right, false, found, missed

    def evidence(self) -> Counts:
        return Counts(self._kind, self._sums.copy())


class Calibration:
    """Scores in bins, and how many of each bin were right."""

    def __init__(self) -> None:
        self._sums = np.zeros((BINS, 3))

    def add(self, score: np.ndarray, right: np.ndarray) -> None:
        """Scores 0..1 (n,) of answers and whether each was right, (n,) bool. 1 belongs to the last bin."""
        place = np.minimum((score * BINS).astype(int), BINS - 1)
        np.add.at(self._sums, place, np.stack([np.ones(len(score)), score, right], 1).astype(np.float64))

    def evidence(self) -> Counts:
        return Counts("ece", self._sums.ravel().copy())
