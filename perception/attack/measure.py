"""How often attacks succeed, and how often confidence gives them away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from perception.attack.kind import Aim, Kind
from perception.attack.known import Known
from perception.evaluation.corrupt.selective import letting_through
from perception.evaluation.judge import judge
from perception.evaluation.observe import OWN, Observer
from perception.evaluation.records import FrameRecord
from perception.evaluation.scores import frame_scores
from perception.labels.labelled import Stills
from perception.labels.truth import Truth
from perception.types import Frame

BLIND = 0.0  # Aim.sure of an attack that does not care for confidence
SURE = 5.0  # of one that does; the attacker tries both
BROKEN = 0.5  # an attack succeeds if less than this share of the clean score is left
Z = 1.96  # standard deviations on each side of a 95 % interval


class Seen(NamedTuple):
    """Of one task in one frame."""

    score: float  # 0..1, F1 or IoU
    sure: float  # 0..1, confidence; 0: nothing was found


@dataclass(frozen=True)
class Trial:
    """One task, attacked in one frame at one strength."""

    clean: Seen
    attacked: Mapping[float | None, Seen] = field(default_factory=dict)  # by Aim.sure


Trials = dict[tuple[str, int], list[Trial]]  # by task and strength


def attacked(
    drives: Iterable[Stills], observer: Observer, known: Known, kind: Kind, tasks: Sequence[str]
) -> Trials:
    """Attack each task in every frame in which it has truth and finds some of it. Raises DataError."""
    found: Trials = {(task, strength): [] for task in tasks for strength in kind.strengths}
    for drive in drives:
        truths = {frame: truth for frame, truth in drive if truth.crop is None}
        clean = {frame: _seen(frame, truth, observer, tasks) for frame, truth in truths.items()}
        for (task, strength), trials in found.items():
            frames = [frame for frame in clean if task in clean[frame] and clean[frame][task].score > 0]
            known_frames, others = kind.split(known, frames)
            worse: dict[Frame, dict[float | None, Seen]] = {frame: {} for frame in others}
            for sure in (None, BLIND, SURE) if others else ():
                change = kind.learn(known, Aim(task, strength, sure), known_frames)
                for frame, own in worse.items():
                    own[sure] = _seen(change(frame), truths[frame], observer, tasks)[task]
            trials += [Trial(clean[frame][task], own) for frame, own in worse.items()]
    return found


def _seen(frame: Frame, truth: Truth, observer: Observer, tasks: Sequence[str]) -> dict[str, Seen]:
    record: FrameRecord = judge(frame, truth, observer, parts=tasks, detail=False)
    sure = record.confidence.get(OWN, {})
    return {task: Seen(own.value, sure.get(task, 0.0)) for task, own in frame_scores(record).items()}


def summary(found: Trials) -> list[dict[str, Any]]:
    """For JSON, a row of each task and strength."""
    return [_row(task, strength, trials) for (task, strength), trials in found.items() if trials]


def _row(task: str, strength: int, trials: Sequence[Trial]) -> dict[str, Any]:
    """Shares of the frames. Of several tries that one counts which serves the attacker best."""
    clean = [trial.clean for trial in trials]
    threshold = letting_through(np.array([seen.sure for seen in clean]))

    def broken(tries: Sequence[float | None], least: float = 0.0) -> np.ndarray:
        """(n,) whether one of the tries breaks the task, and it is at least so sure."""
        return np.array(
            [
                any(s.score < BROKEN * trial.clean.score and s.sure >= least for s in _of(trial, tries))
                for trial in trials
            ]
        )

    every = (BLIND, SURE)
    return {
        "task": task,
        "strength": strength,
        "frames": len(trials),
        "clean": _mean(seen.score for seen in clean),
        "attacked": _mean(min(seen.score for seen in _of(trial, every)) for trial in trials),
        "threshold": round(threshold, 5),
        "chance": _share(broken([None])),  # a change at random breaks it
        "broken": _share(broken(every)),  # no defence
        "blind": _share(broken([BLIND], threshold)),  # not withheld by the threshold: an attacker who does
        "adaptive": _share(broken(every, threshold)),  # not know of it, and one who does
    }


def _of(trial: Trial, tries: Iterable[float | None]) -> list[Seen]:
    return [trial.attacked[sure] for sure in tries]


def _mean(values: Iterable[float]) -> float:
    return round(float(np.mean(list(values))), 5)


def _share(hits: np.ndarray) -> dict[str, float]:
    """With its 95 % interval (Wilson 1927), which is not empty for none of a few frames."""
    n, share = len(hits), float(hits.mean())
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * sqrt(share * (1 - share) / n + (Z / (2 * n)) ** 2) / (1 + Z**2 / n)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return {"value": round(share, 5), "low": round(low, 5), "high": round(high, 5)}
