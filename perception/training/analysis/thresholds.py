"""The score from which a box of a class is reported: where F1 is best on pictures that were held out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from perception.evaluation.records import FrameRecord, gather
from perception.tasks.detection.metric import merge
from perception.tasks.evidence import Ranked

OBJECTS = 5  # of a class that must be there for its threshold to be picked
LOWEST, HIGHEST = 0.1, 0.9
ALL = "detection.all."


def thresholds(records: Iterable[FrameRecord]) -> dict[str, float]:
    """Class -> threshold, of classes with at least OBJECTS objects of which one is found."""
    gathered = gather(record.evidence for record in records)
    found = {}
    for name, said in gathered.items():
        ranked = [part for _, part in said if isinstance(part, Ranked)]
        if name.startswith(ALL) and "/" not in name and ranked:
            best = _best(ranked)
            if best is not None:
                found[name.removeprefix(ALL)] = best
    return found


def _best(parts: Sequence[Ranked]) -> float | None:
    ranked = merge(parts)
    judged = ranked.counts[0]
    order = np.argsort(-ranked.score[judged], kind="stable")
    score, right = ranked.score[judged][order], ranked.right[0][judged][order]
    if ranked.objects < OBJECTS or not right.any():
        return None
    hits = np.cumsum(right)
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + ranked.objects)
    best = int(f1.argmax())
    below = score[best + 1] if best + 1 < len(score) else score[best]
    return round(float(np.clip((score[best] + below) / 2, LOWEST, HIGHEST)), 3)
