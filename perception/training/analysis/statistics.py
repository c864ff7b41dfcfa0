"""Differences to the baseline, with how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

# Student's t, two-sided 95 %, by degrees of freedom from 1; beyond the table by `_t95`
T95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)
Scores = Mapping[int, float]  # seed -> score


@dataclass(frozen=True)
class Interval:
    """A mean and the half width of its 95 % interval; infinite with one value."""

    mean: float
    half: float
    count: int

    @property
    def below_zero(self) -> bool:
        return self.mean + self.half < 0


def interval(values: Sequence[float]) -> Interval:
    """By Student's t: few seeds, unknown variance. Raises ValueError without values."""
    if not len(values):
        raise ValueError("expected at least one value, got none")
    x = np.asarray(values, np.float64)
    if len(x) == 1:
        return Interval(float(x[0]), float("inf"), 1)
    return Interval(float(x.mean()), half_width(float(x.std(ddof=1)), len(x)), len(x))


def half_width(spread: float, count: int) -> float:
    """Of the 95 % interval of the mean of `count` values, two or more, with a standard deviation `spread`."""
    t = T95[count - 2] if count - 2 < len(T95) else _t95(count - 1)
    return float(t * spread / np.sqrt(count))


def _t95(freedom: int) -> float:
    """By the normal's quantile (Abramowitz and Stegun 1964, 26.7.5): from 16 on exact to 0.001."""
    z = 1.959964
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2


def relative(score: float, baseline: float) -> float:
    """Percent of the baseline: 100 (M - B) / B (Maninis et al. 2019). All our scores: higher is better."""
    return 100 * (score - baseline) / max(abs(baseline), 1e-6)


def points(score: float, baseline: float) -> float:
    """Percentage points above the baseline: what a percent of a low score hides."""
    return 100 * (score - baseline)


def delta(
    scores: Scores, baseline: Scores, by: Callable[[float, float], float] = relative
) -> Interval | None:
    """The difference, `relative` or in `points`, paired by seed; None if no seed has both."""
    both = [seed for seed in scores if seed in baseline]
    return interval([by(scores[seed], baseline[seed]) for seed in both]) if both else None


def delta_m(tasks: Mapping[str, Scores], baselines: Mapping[str, Scores]) -> Interval | None:
    """The mean of the tasks' relative differences, paired by seed; None if no seed has all."""
    seeds = [s for s in _common(tasks) if all(s in baselines.get(task, {}) for task in tasks)]
    means = [np.mean([relative(x[s], baselines[task][s]) for task, x in tasks.items()]) for s in seeds]
    return interval([float(m) for m in means]) if means else None


def _common(tasks: Mapping[str, Scores]) -> list[int]:
    seeds = [set(scores) for scores in tasks.values()]
    return sorted(set.intersection(*seeds)) if seeds else []


def mean_ranks(variants: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Variant -> the mean over tasks of its place among all (1 is best; equals share theirs)."""
    names = list(variants)
    tasks = {task for scores in variants.values() for task in scores}
    places: dict[str, list[float]] = {name: [] for name in names}
    for task in tasks:
        there = [name for name in names if task in variants[name]]
        values = np.array([variants[name][task] for name in there])
        for name, value in zip(there, values, strict=True):
            places[name].append(1 + float((values > value).sum()) + (float((values == value).sum()) - 1) / 2)
    return {name: float(np.mean(own)) for name, own in places.items() if own}


def see_saw(histories: Sequence[Sequence[Mapping[str, float]]]) -> dict[str, float]:
    """ "a|b" -> correlation of the changes of two tasks' scores from look to look, over all runs.

    Near -1: what one task gains, the other loses. Pairs with fewer than three changes are left out.
    """
    changes: dict[str, list[float]] = {}
    for history in histories:
        for before, after in pairwise(history):
            for task in before.keys() & after.keys():
                changes.setdefault(task, []).append(after[task] - before[task])
    found = {}
    names = sorted(changes)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            x, y = np.array(changes[a]), np.array(changes[b])
            if len(x) == len(y) >= 3 and x.std() > 0 and y.std() > 0:
                found[f"{a}|{b}"] = float(np.corrcoef(x, y)[0, 1])
    return found
