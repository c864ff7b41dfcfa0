"""Is the network that was found better than the others? What the seeds say, and how many would settle it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from perception.training.analysis.compare import plain
from perception.training.analysis.statistics import half_width, interval

Final = Mapping[int, Mapping[str, float]]  # seed -> task -> percent over its single-task network
MOST = 1000  # seeds; a difference that needs more is none


def judged(finals: Mapping[str, Final], winner: str) -> dict[str, Any]:
    """Per finalist its differences to single-task networks, and the winner's to each other finalist."""
    means = {name: _means(final) for name, final in finals.items()}
    return {
        "finals": {
            name: {
                "delta_m": plain(interval(list(means[name].values()))),
                "delta": {
                    task: plain(interval([own[task] for own in final.values()])) for task in _tasks(final)
                },
                "seeds": {str(seed): value for seed, value in means[name].items()},
            }
            for name, final in finals.items()
        },
        "verdicts": {name: verdict(means[winner], means[name]) for name in finals if name != winner},
    }


def verdict(own: Mapping[int, float], other: Mapping[int, float]) -> dict[str, Any]:
    """Paired by seed; `settled_by`: seeds after which an interval would no longer hold zero, None: many."""
    differences = [own[seed] - other[seed] for seed in own]
    found = interval(differences)
    return {
        "difference": plain(found),
        "above": found.mean - found.half > 0,
        "below": found.below_zero,
        "settled_by": seeds_needed(differences),
    }


def seeds_needed(differences: list[float]) -> int | None:
    """Seeds whose 95 % interval leaves zero if mean and spread stay as they are; None: more than MOST."""
    mean, spread = (
        abs(float(np.mean(differences))),
        float(np.std(differences, ddof=1)) if len(differences) > 1 else np.inf,
    )
    return next((n for n in range(2, MOST + 1) if half_width(spread, n) < mean), None)


def _means(final: Final) -> dict[int, float]:
    return {seed: float(np.mean(list(own.values()))) for seed, own in final.items()}


def _tasks(final: Final) -> list[str]:
    return list(next(iter(final.values())))
