"""From the records of clean and of corrupted pictures to mPC and rPC of each task, with intervals.

mPC is the mean performance under corruption, over kinds and severities; rPC is mPC divided by the clean
performance (Michaelis et al. 2019, section 3.2). The performance of a task is the metric it is judged by, the
mean over its sets (`names.judging`). Intervals are those of a bootstrap: within each set, frames are drawn
again and again with replacement, the same ones for the clean pictures and for every condition.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from perception.corruptions import CORRUPTIONS, GROUPS
from perception.evaluation.compare import LEVEL, SEED, mean_of_sets
from perception.evaluation.corrupt.drives import NOTICED, WHOLE, Condition
from perception.evaluation.names import in_order, judging, main_metrics, told
from perception.evaluation.records import FrameRecord, bootstrapped, metrics
from perception.tasks.evidence import Evidence, Ranked, split

TIMES = 400
GOAL = 0.75  # of the clean performance: with less a task counts as broken

Records = Sequence[FrameRecord]
Draws = np.ndarray  # (1 + TIMES,): of all frames, then of each draw


@dataclass(frozen=True)
class Robustness:
    """Of one task."""

    metric: str  # "AP50, mean of 6 sets"
    clean: Draws
    under: Mapping[Condition, Draws]

    def mpc(self, kinds: Collection[str] | None = None) -> Draws:
        """Over some kinds, or all."""
        own = [value for key, value in self.under.items() if kinds is None or key.kind in kinds]
        return np.asarray(np.mean(own, axis=0))

    def rpc(self, kinds: Collection[str] | None = None) -> Draws:
        """Not a number where nothing was seen in clean pictures."""
        return _share(self.mpc(kinds), self.clean)

    def kept(self, condition: Condition) -> float:
        """The share of the clean performance that is left."""
        return float(_share(self.under[condition], self.clean)[0])


def robustness(
    clean: Records, under: Mapping[Condition, Records], times: int = TIMES
) -> dict[str, Robustness]:
    """Task -> how robust it is. All conditions have the frames of `clean`, in order."""
    members = judging(metrics(clean))
    weights = draws(clean, times)
    base = _performances(clean, members, weights)
    found = {condition: _performances(records, members, weights) for condition, records in under.items()}
    return {
        task: Robustness(told(names), base[task], {key: own[task] for key, own in found.items()})
        for task, names in members.items()
    }


def draws(records: Records, times: int) -> np.ndarray:
    """(1 + times, F) how often each frame counts: once, then as drawn within its set.

    Of sets of single frames there is nothing to draw, and only the first row.
    """
    rng = np.random.default_rng(SEED)
    sets = np.array([record.drive for record in records])
    weights = np.ones((1 + times if len(set(sets)) < len(sets) else 1, len(records)))
    for name in dict.fromkeys(sets):
        places = np.flatnonzero(sets == name)
        weights[1:, places] = rng.multinomial(
            len(places), np.full(len(places), 1 / len(places)), len(weights) - 1
        )
    return weights


def first_broken(tasks: Mapping[str, Robustness], kind: str, severities: Sequence[int]) -> str | None:
    """The task that falls below GOAL at the lowest severity; of several, the one with the least left."""
    for severity in severities:
        kept = {task: own.kept(Condition(kind, severity)) for task, own in tasks.items()}
        broken = {task: value for task, value in kept.items() if value < GOAL}
        if broken:
            return min(broken, key=lambda task: broken[task])
    return None


def main_of(records: Records) -> dict[str, float]:
    """The metrics of whole sets that tasks are judged by."""
    found = metrics(records)
    return {name: found[name] for name in main_metrics(found)}


def noticed(records: Records) -> float | None:
    """The share of whole frames that the checks of a live camera complain of; None: there are none."""
    whole = [record.tags for record in records if WHOLE in record.tags]
    told = [any(tag.startswith(NOTICED) for tag in tags) for tags in whole]
    return round(float(np.mean(told)), 5) if told else None


def summary(
    tasks: Mapping[str, Robustness], kinds: Sequence[str], severities: Sequence[int]
) -> dict[str, Any]:
    """For JSON: fractions, each with its 95 % interval."""
    firsts = {kind: first_broken(tasks, kind, severities) for kind in kinds}
    times = [task for task in firsts.values() if task]
    return {
        "goal": GOAL,
        "tasks": {task: dict(_told(own, kinds, severities)) for task, own in tasks.items()},
        "breaks_first": firsts,
        "breaks_first_times": {task: times.count(task) for task in in_order(tasks)},
    }


def _told(own: Robustness, kinds: Sequence[str], severities: Sequence[int]) -> Iterator[tuple[str, Any]]:
    groups = {group: [k for k in kinds if CORRUPTIONS[k].group == group] for group in GROUPS}
    yield "metric", own.metric
    yield "clean", interval(own.clean)
    yield "mpc", interval(own.mpc())
    yield "rpc", interval(own.rpc())
    yield "groups", {name: _both(own, members) for name, members in groups.items() if members}
    yield (
        "corruptions",
        {
            kind: {
                **_both(own, [kind]),
                "severities": {str(s): interval(own.under[Condition(kind, s)]) for s in severities},
            }
            for kind in kinds
        },
    )


def _both(own: Robustness, kinds: Collection[str]) -> dict[str, Any]:
    return {"mpc": interval(own.mpc(kinds)), "rpc": interval(own.rpc(kinds))}


def interval(values: Draws) -> dict[str, float | None]:
    """The value and its 95 % interval; None: not known."""
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = np.percentile(drawn, LEVEL) if len(drawn) else (np.nan, np.nan)
    named = {"value": values[0], "low": low, "high": high}
    return {name: round(float(x), 5) if np.isfinite(x) else None for name, x in named.items()}


def _performances(
    records: Records, members: Mapping[str, Sequence[str]], weights: np.ndarray
) -> dict[str, Draws]:
    """Task -> the mean over its sets of the metric that judges it."""
    places = {name.rpartition(".")[0] for names in members.values() for name in names}
    gathered: dict[str, list[tuple[int, Evidence]]] = {}
    for frame, record in enumerate(records):
        for key, said in record.evidence.items():
            name, ending = split(key)
            if not ending and places & {name, name.rpartition(".")[0]}:
                gathered.setdefault(key, []).append((frame, _at_first_iou(said)))
    found = bootstrapped(gathered, weights)
    return {task: mean_of_sets([found[name] for name in names]) for task, names in members.items()}


def _at_first_iou(said: Evidence) -> Evidence:
    """AP50 needs one of ten, and takes a tenth of the time."""
    return replace(said, right=said.right[:1], counts=said.counts[:1]) if isinstance(said, Ranked) else said


def _share(values: Draws, clean: Draws) -> Draws:
    return np.divide(values, clean, out=np.full_like(clean, np.nan), where=clean > 0)
