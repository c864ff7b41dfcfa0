"""Validation while a network is trained: its scores on the val split, and which task falls behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from perception.errors import DataError, brief
from perception.evaluation.measure import report
from perception.labels.folder import read_folder
from perception.model.network import Network
from perception.tasks import lanes
from perception.tasks.batch import Batch
from perception.training.analysis.judge import ANY, judge, records, scores
from perception.training.analysis.thresholds import thresholds
from perception.training.checkpoint import BEST
from perception.training.classes import vocabulary
from perception.training.config import Config
from perception.training.data import val
from perception.training.data.foreign import Told
from perception.training.loop import Trainer
from perception.types import Size

FEW = 24  # pictures of each kind; the end of a run sees all
EVALUATIONS = 10  # of a run with pictures to choose by, if its user does not say
Baseline = list[dict[str, Any]]  # of single-task runs: {"progress", "scores": {task: [mean, noise]}}


class Validation:
    """`watch` of `Trainer.run`: `score.<task>` every `config.eval_every` steps, `alarm.<task>` where one
    falls behind. By default it judges every tenth of the run, by steps or by time, if it has pictures to
    choose by.

    Where there are pictures to choose by (`data.val`), the best weights are kept as BEST with the thresholds
    that suit them, and the run ends after `config.patience` evaluations without better ones. Raises
    DataError if the baseline or the pictures to evaluate on cannot be read.
    """

    def __init__(self, data: Path | None, config: Config) -> None:
        self.chosen: Sequence[Told] = val.spaced(val.pictures(config))
        if self.chosen:
            _check_judged(self.chosen, config)
        if config.eval_every and data is None and not self.chosen:
            raise DataError(
                "eval_every: expected pictures to evaluate on, got none. Name some: --val FORMAT:PLACE; "
                "or set eval_every=0"
            )
        if config.eval_every and data is not None and not self.chosen:
            read_folder(data, "val", lanes.CLASSES)  # told now, not at the first evaluation
        self.data, self.vocabulary = data, vocabulary(config)
        self.every = config.eval_every
        self.patience = config.patience
        self.baseline = read_baseline(Path(config.baseline)) if config.baseline else []
        self.history: list[dict[str, Any]] = []

    def __call__(self, trainer: Trainer, batch: Batch) -> dict[str, float]:
        if not self._is_due(trainer):
            return {}
        step = trainer.step
        found = self._scores(trainer)
        self.history.append({"step": step, "seconds": trainer.seconds, "scores": found})
        behind = fallen(found, self.baseline, trainer.progress)
        for task, points in behind.items():
            gap = f"{100 * points:.1f} points below its single-task network"
            print(f"step {step}: {task} is {gap}", file=sys.stderr)
        known = {f"score.{task}": score for task, score in found.items()}
        return known | {f"alarm.{task}": points for task, points in behind.items()}

    def _is_due(self, trainer: Trainer) -> bool:
        """The end of a run is judged if there are pictures to choose by; else whoever trains judges it."""
        if trainer.progress >= 1:
            return bool(self.chosen)
        if self.every:
            return trainer.step % self.every == 0
        tenths = [int(EVALUATIONS * progress + 1e-9) for progress in (trainer.before, trainer.progress)]
        return bool(self.chosen) and tenths[0] < tenths[1]

    def judged(
        self, network: Network, size: Size, limit: int | None = None
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Metrics of all pictures to evaluate on, or of `limit` of each kind, and the scores of the tasks."""
        if not self.chosen:
            assert self.data is not None
            metrics = judge(network, size, self.data, limit, self.vocabulary)
            return metrics, scores(metrics)
        step = 1 if limit is None else max(1, len(self.chosen) // limit)
        metrics = report(records(network, size, self.chosen[::step])).metrics
        return metrics, scores(metrics, ANY)

    def _scores(self, trainer: Trainer) -> dict[str, float]:
        network, size = trainer.ema.network, trainer.config.size
        if not self.chosen:
            assert self.data is not None
            return scores(judge(network, size, self.data, FEW, self.vocabulary))
        said = records(network, size, self.chosen)
        found = scores(report(said).metrics, ANY)
        self._choose(trainer, found, thresholds(said))
        return found

    def _choose(self, trainer: Trainer, found: Mapping[str, float], picked: Mapping[str, float]) -> None:
        """Keep the weights if none were better; of equal ones the later."""
        if not found:
            raise DataError(
                "--val: expected labels of a task that is learnt, got none that could be judged. Name others"
            )
        mean = sum(found.values()) / len(found)
        told = ", ".join(f"{task} {100 * score:.1f}" for task, score in found.items())
        best = mean >= trainer.best
        print(f"step {trainer.step}: val {told}{' (best so far)' if best else ''}", flush=True)
        trainer.worse = 0 if best else trainer.worse + 1
        if best:
            trainer.best, trainer.thresholds = mean, dict(picked)
            trainer.save(BEST)
        if self.patience and trainer.worse >= self.patience:
            print(f"step {trainer.step}: no better for {trainer.worse} evaluations: the run ends", flush=True)
            trainer.ended = True


def _check_judged(chosen: Sequence[Told], config: Config) -> None:
    """Raises DataError if the pictures to choose by say nothing of any task that is learnt."""
    wanted = [task for task in config.tasks if task != "signs"]  # those are read in boxes of detection
    labelled = {task for one in chosen for task in one.tasks}
    if not wanted:
        raise DataError(
            "--val: expected a task that can be judged in whole pictures, got signs alone. Learn detection, "
            "too, or leave --val and held_out out"
        )
    if not labelled & set(wanted):
        raise DataError(
            f"--val: expected labels of {' or '.join(wanted)}, which are learnt, got those of "
            f"{', '.join(sorted(labelled)) or 'no task'}. Name others"
        )


def spread(config: Config, count: int) -> int:
    """Steps between so many evaluations."""
    return max(1, config.steps // count)


def fallen(found: Mapping[str, float], baseline: Baseline, progress: float) -> dict[str, float]:
    """Task -> how far it lies below the single-task mean of that time, if by more than that one's noise."""
    if not baseline:
        return {}
    then = min(baseline, key=lambda row: abs(row["progress"] - progress))["scores"]
    gaps = {task: then[task][0] - score for task, score in found.items() if task in then}
    return {task: gap for task, gap in gaps.items() if gap > (then[task][1] or 0.0)}


def read_baseline(path: Path) -> Baseline:
    try:
        found = json.loads(path.read_text())
        rows = found["evaluations"] if "evaluations" in found else found["looks"]  # until 0.7
        return [{"progress": float(row["progress"]), "scores": _pairs(row["scores"])} for row in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"baseline={path}: expected scores.json of `perception mtl compare`: {brief(error)}"
        ) from error


def _pairs(scores: Mapping[str, Sequence[Any]]) -> dict[str, tuple[float, float]]:
    return {task: (float(mean), float(noise or 0)) for task, (mean, noise) in scores.items()}
