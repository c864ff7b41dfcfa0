"""HOTA: Luiten et al., IJCV 2021, "HOTA: a higher order metric for evaluating multi-object tracking"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from perception.evaluation.tracking.pairs import Moment, numbered, rates
from perception.stages.assignment import assigned

ALPHAS = np.arange(0.05, 0.99, 0.05)  # least overlaps
EPS = np.finfo(np.float64).eps


def _zeros() -> np.ndarray:
    return np.zeros(len(ALPHAS))


@dataclass(eq=False)
class Hota:
    """`hota`, `det_a`, `ass_a`, `loc_a`: means over ALPHAS; sequences are pooled by their true positives."""

    tp: np.ndarray = field(default_factory=_zeros)  # (ALPHAS,) each
    fp: np.ndarray = field(default_factory=_zeros)
    fn: np.ndarray = field(default_factory=_zeros)
    association: np.ndarray = field(default_factory=_zeros)  # sums over true positives
    overlap: np.ndarray = field(default_factory=_zeros)

    def add(self, sequence: Sequence[Moment]) -> None:
        """One sequence, its frames in order."""
        moments, objects, tracks = numbered(sequence)
        alike = _alignment(moments, objects, tracks)
        matched = np.zeros((len(ALPHAS), objects, tracks))
        for moment in moments:
            rows, columns, overlap = _pairs(moment, alike)
            right = overlap >= ALPHAS[:, None] - EPS
            hits = right.sum(1)
            self.tp += hits
            self.fn += len(moment.truth) - hits
            self.fp += len(moment.seen) - hits
            self.overlap += (right * overlap).sum(1)
            matched[:, moment.truth[rows], moment.seen[columns]] += right
        lengths = _lengths([m.truth for m in moments], objects)[:, None]
        lengths = lengths + _lengths([m.seen for m in moments], tracks)[None]
        self.association += (matched * matched / np.maximum(1, lengths - matched)).sum((1, 2))

    @property
    def sums(self) -> np.ndarray:
        """As `FORMULAS["hota"]` takes them."""
        return np.concatenate([self.tp, self.fp, self.fn, self.association, self.overlap])

    def result(self) -> Mapping[str, float]:
        """Fractions."""
        return rates("hota", self.sums)


def _alignment(moments: Sequence[Moment], objects: int, tracks: int) -> np.ndarray:
    """(objects, tracks): how far each object and each track go together over the sequence."""
    shared = np.zeros((objects, tracks))
    for moment in moments:
        similarity = moment.similarity
        either = similarity.sum(0)[None] + similarity.sum(1)[:, None] - similarity
        part = np.divide(similarity, either, out=np.zeros_like(either), where=either > EPS)
        shared[moment.truth[:, None], moment.seen[None]] += part
    lengths = _lengths([m.truth for m in moments], objects)[:, None]
    lengths = lengths + _lengths([m.seen for m in moments], tracks)[None]
    return shared / np.maximum(lengths - shared, EPS)


def _pairs(moment: Moment, alike: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and overlaps of the pairs of a frame that serve the whole sequence best."""
    if not moment.similarity.size:
        nobody = np.empty(0, np.int64)
        return nobody, nobody, np.empty(0)
    gain = alike[moment.truth[:, None], moment.seen[None]] * moment.similarity
    columns = assigned(-gain)
    rows = np.flatnonzero(columns >= 0)
    return rows, columns[rows], moment.similarity[rows, columns[rows]]


def _lengths(ids: Sequence[np.ndarray], n: int) -> np.ndarray:
    return np.bincount(np.concatenate([np.empty(0, np.int64), *ids]), minlength=n).astype(np.float64)
