"""How well one frame was seen, task by task: to find the frames that are worth a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from perception.evaluation.names import Name, in_order
from perception.evaluation.records import FrameRecord
from perception.tasks.evidence import FORMULAS, Counts, split

JUDGES = {  # kind of counts -> the metric that judges a frame
    "hits": "f1",
    "objects": "f1",
    "read": "read_f1",
    "culane": "culane_f1",
    "tusimple": "accuracy",
    "iou": "iou",
    "classes": "top1",
}
FEW = 2.0  # answers and truths; a frame with so few weighs half: one false box on an empty road is little
APART_NS = 1_000_000_000  # frames of a drive nearer than this look the same


@dataclass(frozen=True)
class Score:
    """Of one task in one frame."""

    value: float  # 0..1
    weight: float  # how many answers and truths (pixels, boxes) it stands on

    @property
    def loss(self) -> float:
        return (1 - self.value) * self.weight / (self.weight + FEW)


Scores = Mapping[str, Score]  # task -> score


def frame_scores(record: FrameRecord) -> dict[str, Score]:
    """Counts of all sets and classes of a task together; left out is a task without truth and answers."""
    sums: dict[tuple[str, str], np.ndarray] = {}
    for key, evidence in record.evidence.items():
        name, ending = split(key)
        if not ending and isinstance(evidence, Counts) and evidence.kind in JUDGES and evidence.values.any():
            place = Name.of(f"{name}.").task, evidence.kind
            sums[place] = sums.get(place, 0) + evidence.values
    found: dict[str, list[Score]] = {}
    for (task, kind), values in sums.items():
        found.setdefault(task, []).append(_score(kind, values))
    return {task: _mean(scores) for task, scores in found.items()}


def worst(
    records: Sequence[FrameRecord], losses: Sequence[Mapping[str, float]], each: int
) -> dict[str, list[int]]:
    """Task -> places in `records` of the frames with the largest losses above 0, worst first, `each` at most.

    A frame is named once, and of a drive only frames that are a second apart; the tasks choose in turns.
    """
    chosen: dict[str, list[int]] = {task: [] for task in in_order(task for own in losses for task in own)}
    order = {task: sorted(range(len(records)), key=lambda i: -losses[i].get(task, 0.0)) for task in chosen}
    taken: list[FrameRecord] = []
    for _ in range(each):
        for task, own in chosen.items():
            bad = (i for i in order[task] if losses[i].get(task, 0.0) > 0)
            fresh = next((i for i in bad if not any(_alike(records[i], other) for other in taken)), None)
            if fresh is not None:
                own.append(fresh)
                taken.append(records[fresh])
    return {task: places for task, places in chosen.items() if places}


def _alike(a: FrameRecord, b: FrameRecord) -> bool:
    if a.drive != b.drive:
        return False
    return a.seq == b.seq or 0 < abs(a.stamp_ns - b.stamp_ns) < APART_NS


def _score(kind: str, values: np.ndarray) -> Score:
    formula = FORMULAS[kind]
    metrics = dict(zip(formula.names, formula.of(values), strict=True))
    return Score(float(np.nan_to_num(metrics[JUDGES[kind]])), float(values.sum()))


def _mean(scores: Sequence[Score]) -> Score:
    return Score(float(np.mean([s.value for s in scores])), float(np.mean([s.weight for s in scores])))
