"""How often attacks succeed, and how often confidence gives them away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perception.attack.attacker import Attack, Attacker
from perception.evaluation.corrupt.selective import COVERED
from perception.evaluation.judge import judge
from perception.evaluation.observe import OWN, Observer
from perception.evaluation.records import FrameRecord
from perception.evaluation.scores import frame_scores
from perception.labels.truth import Truth
from perception.types import Frame

EPSILONS = (2, 4, 8)  # grey levels
BROKEN = 0.5  # an attack succeeds if less than this share of the clean score is left
DRAWS = 1000


@dataclass(frozen=True)
class Seen:
    """Of one task in one frame."""

    score: float  # 0..1, F1 or IoU
    sure: float  # 0..1


@dataclass(frozen=True)
class Pair:
    clean: Seen
    attacked: Seen


def attacked(
    labelled: Iterable[tuple[Frame, Truth]],
    observer: Observer,
    attacker: Attacker,
    tasks: Sequence[str],
    parts: Sequence[str],
) -> dict[Attack, list[Pair]]:
    """Each attack on each frame in which its task has truth and finds some of it. Raises DataError."""
    found: dict[Attack, list[Pair]] = {
        Attack(task, epsilon, adaptive): []
        for task in tasks
        for epsilon in EPSILONS
        for adaptive in (False, True)
    }
    for frame, truth in labelled:
        clean = _seen(judge(frame, truth, observer, parts=parts, detail=False))
        for attack, pairs in found.items():
            if attack.task in clean and clean[attack.task].score > 0:
                worse = judge(attacker(frame, attack), truth, observer, parts=parts, detail=False)
                pairs.append(Pair(clean[attack.task], _seen(worse)[attack.task]))
    return found


def _seen(record: FrameRecord) -> dict[str, Seen]:
    sure = record.confidence.get(OWN, {})
    return {task: Seen(own.value, sure.get(task, 0.0)) for task, own in frame_scores(record).items()}


def summary(found: Mapping[Attack, Sequence[Pair]]) -> list[dict[str, Any]]:
    """For JSON, a row of each attack."""
    return [_row(attack, pairs) for attack, pairs in found.items() if pairs]


def _row(attack: Attack, pairs: Sequence[Pair]) -> dict[str, Any]:
    """`success`: broken. `undetected`: and kept by a threshold that keeps COVERED of the clean frames."""
    table = np.array([(p.clean.score, p.clean.sure, p.attacked.score, p.attacked.sure) for p in pairs])
    clean, sure, score, claimed = table.T
    threshold = float(np.quantile(sure, 1 - COVERED))
    broken = score < BROKEN * clean
    return {
        "task": attack.task,
        "epsilon": attack.epsilon,
        "adaptive": attack.adaptive,
        "frames": len(pairs),
        "clean": round(float(clean.mean()), 5),
        "attacked": round(float(score.mean()), 5),
        "threshold": round(threshold, 5),
        "success": _share(broken),
        "undetected": _share(broken & (claimed >= threshold)),
    }


def _share(hits: np.ndarray) -> dict[str, float]:
    """With its 95 % interval by bootstrap over frames."""
    rng = np.random.default_rng(0)
    drawn = hits[rng.integers(0, len(hits), (DRAWS, len(hits)))].mean(axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return {
        "value": round(float(hits.mean()), 5),
        "low": round(float(low), 5),
        "high": round(float(high), 5),
    }
