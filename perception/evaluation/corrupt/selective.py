"""Whether the confidence of a task tells good answers from bad ones: the area under its risk-coverage curve.

Frames are put in order of confidence, the surest first. The risk at a coverage is the mean loss of so many
first frames (Geifman and El-Yaniv 2017), and the area under the curve, AURC, is the mean risk over all
coverages. What it is above that of the best possible order is the excess AURC (Geifman, Uziel and El-Yaniv
2019). The loss of a frame is 1 minus its own F1 or IoU (`frame_scores`). An area is taken within each set,
and the mean over sets is told, as of a task's metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from perception.evaluation.compare import mean_of_sets
from perception.evaluation.corrupt.drives import Condition
from perception.evaluation.corrupt.robustness import TIMES, draws, interval
from perception.evaluation.names import in_order
from perception.evaluation.observe import OWN, PLAIN
from perception.evaluation.records import FrameRecord
from perception.evaluation.scores import frame_scores

CONSTANT, BEST = "constant", "best"  # the order of chance, and that of the losses themselves
COVERED = 0.95  # share of the clean frames that a threshold lets through

Records = Sequence[FrameRecord]
Row = tuple[int, str, bool, float, float, float]  # frame, set, is it corrupted, loss, PLAIN, OWN


def selective(
    clean: Records, under: Mapping[Condition, Records], times: int = TIMES
) -> dict[str, dict[str, Any]]:
    """Task -> for JSON, AURC by order and what a threshold does; empty: no confidence was told.

    All conditions have the frames of `clean`, in order.
    """
    weights = draws(clean, times)
    rows: dict[str, list[Row]] = {}
    for number, records in enumerate((clean, *under.values())):
        for frame, record in enumerate(records):
            for task, score in frame_scores(record).items() if record.confidence else ():
                row = (frame, record.drive, number > 0, 1 - score.value, *_sure(record, task))
                rows.setdefault(task, []).append(row)
    told = [task for task in in_order(rows) if any(row[-1] > 0 for row in rows[task])]
    return {task: _task(rows[task], weights) for task in told}


def _task(rows: Sequence[Row], weights: np.ndarray) -> dict[str, Any]:
    frame, drive, worse, loss, plain, own = map(np.array, zip(*rows, strict=True))
    orders = {CONSTANT: np.zeros(len(loss)), PLAIN: plain, OWN: own, BEST: -loss}
    sets = [drive == name for name in np.unique(drive)]
    mean = {
        order: mean_of_sets([aurc(loss[part], sure[part], weights[:, frame[part]]) for part in sets])
        for order, sure in orders.items()
    }
    return {
        "frames": len(loss),
        "sets": len(sets),
        "aurc": {order: interval(area) for order, area in mean.items()},
        "excess": {order: interval(mean[order] - mean[BEST]) for order in (CONSTANT, PLAIN, OWN)},
        "below_plain": interval(mean[PLAIN] - mean[OWN]),
        "gained": {order: interval(_gained(mean, order)) for order in (PLAIN, OWN)},
        "pooled": {order: round(float(aurc(loss, sure)[0]), 5) for order, sure in orders.items()},
        "withheld": _withheld(own, loss, worse),
    }


def _sure(record: FrameRecord, task: str) -> tuple[float, float]:
    """By PLAIN and OWN; nothing was found: 0."""
    return record.confidence[PLAIN].get(task, 0.0), record.confidence[OWN].get(task, 0.0)


def _gained(area: Mapping[str, np.ndarray], order: str) -> np.ndarray:
    """The share of what the best order gains on that of chance."""
    most = area[CONSTANT] - area[BEST]
    return np.divide(area[CONSTANT] - area[order], most, out=np.full_like(most, np.nan), where=most > 0)


def aurc(loss: np.ndarray, sure: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(B,) the area for frames with a `loss` (F,) and a confidence `sure` (F,), each as often as `weights`
    (B, F) say; None: once; NaN for none. Equally sure frames come in the order of chance, in the mean."""
    order = np.argsort(-sure, kind="stable")
    loss, sure = loss[order], sure[order]
    weights = np.ones((1, len(loss))) if weights is None else weights[:, order]
    begins = np.flatnonzero(np.append(True, np.diff(sure) != 0))
    count, lost = (np.add.reduceat(part, begins, axis=1) for part in (weights, weights * loss))
    of_tie = np.divide(lost, count, out=np.zeros_like(lost), where=count > 0)
    tied = np.repeat(of_tie, np.diff(np.append(begins, len(loss))), axis=1)
    covered = weights.cumsum(axis=1)
    risk = np.divide((weights * tied).cumsum(axis=1), covered, out=np.zeros_like(tied), where=covered > 0)
    every = covered[:, -1]
    return np.divide((weights * risk).sum(axis=1), every, out=np.full_like(every, np.nan), where=every > 0)


def letting_through(sure: np.ndarray) -> float:
    """One of the confidences of clean frames, which COVERED of them or slightly more reach."""
    return float(np.quantile(sure, 1 - COVERED, method="lower"))


def _withheld(sure: np.ndarray, loss: np.ndarray, worse: np.ndarray) -> dict[str, float | None]:
    """What a threshold does that lets through COVERED of the clean frames, or more."""
    threshold = letting_through(sure[~worse]) if not worse.all() else 0.0
    out = sure < threshold
    means = {"clean": out[~worse], "corrupted": out[worse], "loss_kept": loss[worse & ~out]}
    means["loss_withheld"] = loss[worse & out]
    return {"threshold": round(threshold, 5)} | {
        name: round(float(values.mean()), 5) if len(values) else None for name, values in means.items()
    }
