"""CLEAR MOT (Bernardin and Stiefelhagen 2008) and identity metrics (Ristani et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from perception.evaluation.tracking.pairs import Moment, numbered, rates
from perception.stages.assignment import assigned

LEAST = 0.5  # overlap of an object that counts as found
EPS = np.finfo(np.float64).eps
STAYS = 1000.0  # worth more than any overlap: the pair of the frame before


@dataclass
class Clear:
    """`mota`, `switches`, `recall`, `precision`, `frags`: an object keeps its track while they overlap."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    switches: int = 0
    frags: int = 0

    def add(self, sequence: Sequence[Moment]) -> None:
        """One sequence, its frames in order."""
        moments, objects, tracks = numbered(sequence)
        last, before = np.full(objects, -1), np.full(objects, -1)  # ever, and in the last frame with both
        begun = np.zeros(objects, int)
        for moment in moments:
            if not moment.similarity.size:
                self.fp += len(moment.seen)
                self.fn += len(moment.truth)
                continue
            rows, columns = _pairs(moment, before)
            truth, seen = moment.truth[rows], moment.seen[columns]
            self.switches += int(np.count_nonzero((last[truth] >= 0) & (last[truth] != seen)))
            begun[truth[before[truth] < 0]] += 1
            before[:] = -1
            last[truth], before[truth] = seen, seen
            self.tp += len(rows)
            self.fn += len(moment.truth) - len(rows)
            self.fp += len(moment.seen) - len(rows)
        self.frags += int(np.maximum(begun - 1, 0).sum()) if tracks else 0

    @property
    def sums(self) -> np.ndarray:
        """As `FORMULAS["clear"]` takes them."""
        return np.array([self.tp, self.fp, self.fn, self.switches, self.frags], np.float64)

    def result(self) -> Mapping[str, float]:
        """Fractions, but `switches` and `frags`, which are counts."""
        return {
            **rates("clear", self.sums),
            "recall": self.tp / max(1, self.tp + self.fn),
            "precision": self.tp / max(1, self.tp + self.fp),
        }


def _pairs(moment: Moment, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    gain = STAYS * (moment.seen[None] == before[moment.truth][:, None]) + moment.similarity
    gain[moment.similarity < LEAST - EPS] = 0
    columns = assigned(-gain)
    rows = np.flatnonzero(columns >= 0)
    rows = rows[gain[rows, columns[rows]] > EPS]
    return rows, columns[rows]


@dataclass
class Identity:
    """`idf1`: each object has one track of the whole sequence; the share of boxes that these explain."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def add(self, sequence: Sequence[Moment]) -> None:
        """One sequence."""
        moments, objects, tracks = numbered(sequence)
        together = np.zeros((objects, tracks))
        for moment in moments:
            near = moment.similarity >= LEAST
            together[moment.truth[:, None], moment.seen[None]] += near
        columns = assigned(-together) if together.size else np.empty(0, int)
        rows = np.flatnonzero(columns >= 0)
        hits = int(together[rows, columns[rows]].sum())
        self.tp += hits
        self.fn += sum(len(moment.truth) for moment in moments) - hits
        self.fp += sum(len(moment.seen) for moment in moments) - hits

    @property
    def sums(self) -> np.ndarray:
        """As `FORMULAS["identity"]` takes them."""
        return np.array([self.tp, self.fp, self.fn], np.float64)

    def result(self) -> Mapping[str, float]:
        """Fraction."""
        return rates("identity", self.sums)
