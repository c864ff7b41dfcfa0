"""Looks at a network while it is trained: its scores on the val split, and which task falls behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perception.errors import DataError
from perception.tasks.batch import Batch
from perception.training.analysis.judge import judge, scores
from perception.training.config import Config
from perception.training.loop import Trainer

FEW = 24  # pictures of each kind; the end of a run sees all
Baseline = list[dict[str, Any]]  # looks of single-task runs: {"progress", "scores": {task: [mean, noise]}}


class Looks:
    """`watch` of `Trainer.run`: `score.<task>` `config.looks` times, `alarm.<task>` where one falls behind.

    Raises DataError if the baseline cannot be read.
    """

    def __init__(self, data: Path | None, config: Config) -> None:
        if config.looks and data is None:
            raise DataError("looks: expected a folder in our own format to look at, got none. Set looks=0")
        self.data, self.every = data, max(1, config.steps // max(1, config.looks))
        self.wanted = config.looks > 0
        self.baseline = read_baseline(Path(config.baseline)) if config.baseline else []
        self.history: list[dict[str, Any]] = []

    def __call__(self, trainer: Trainer, batch: Batch) -> dict[str, float]:
        step, steps = trainer.step, trainer.config.steps
        if not self.wanted or self.data is None or step % self.every or step == steps:
            return {}
        found = scores(judge(trainer.ema.network, trainer.config.size, self.data, FEW))
        self.history.append({"step": step, "seconds": trainer.seconds, "scores": found})
        behind = fallen(found, self.baseline, step / steps)
        for task, points in behind.items():
            gap = f"{100 * points:.1f} points below its single-task network"
            print(f"step {step}: {task} is {gap}", file=sys.stderr)
        known = {f"score.{task}": score for task, score in found.items()}
        return known | {f"alarm.{task}": points for task, points in behind.items()}


def fallen(found: Mapping[str, float], baseline: Baseline, progress: float) -> dict[str, float]:
    """Task -> how far it lies below the single-task mean of that time, if by more than that one's noise."""
    if not baseline:
        return {}
    then = min(baseline, key=lambda look: abs(look["progress"] - progress))["scores"]
    gaps = {task: then[task][0] - score for task, score in found.items() if task in then}
    return {task: gap for task, gap in gaps.items() if gap > (then[task][1] or 0.0)}


def read_baseline(path: Path) -> Baseline:
    try:
        looks: Baseline = json.loads(path.read_text())["looks"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"baseline={path}: expected scores.json of `perception mtl compare`: {error!r}"
        ) from error
    return looks
