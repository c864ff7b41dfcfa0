"""Which tasks should be trained together? All subsets are trained, so the best grouping is known.

Four tasks have fifteen subsets and fifteen partitions. A partition's score is the mean over tasks of the
relative difference to the single-task network (Standley et al. 2020). Forecasts that need one run,
the cosines of gradients in it and the affinity of TAG (Fifty et al. 2021), are then judged by the order that
they foretell and by what following them costs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from perception.sinks.files import write_whole
from perception.training.analysis.compare import REFERENCE, check, named, sorted_out
from perception.training.analysis.conflict import WHOLE
from perception.training.analysis.runs import TASKS, Results, Run, perform, results, single, together
from perception.training.analysis.statistics import relative
from perception.training.config import configure

Group = tuple[str, ...]
Partition = tuple[Group, ...]
Runs = Mapping[int, Mapping[str, Any]]  # seed -> result


def subsets(tasks: Sequence[str] = TASKS) -> list[Group]:
    return [group for size in range(1, len(tasks) + 1) for group in combinations(tasks, size)]


def partitions(tasks: Sequence[str] = TASKS) -> Iterator[Partition]:
    """Every way to split `tasks` into groups, each once."""
    if not tasks:
        yield ()
        return
    first, rest = tasks[0], tasks[1:]
    for size in range(len(rest) + 1):
        for others in combinations(rest, size):
            left = tuple(task for task in rest if task not in others)
            for more in partitions(left):
                yield ((first, *others), *more)


def group_run(group: Group, seed: int, tasks: Sequence[str] = TASKS) -> Run:
    """One task alone and all together are runs of a comparison, too."""
    if len(group) == 1:
        return single(*group, seed)
    if len(group) == len(tasks):
        return together(REFERENCE, seed)
    return Run(f"group/{'+'.join(group)}", seed, (f"tasks={json.dumps(list(group))}", "balance=equal"))


def groups(
    preset: str,
    data: Sequence[str],
    out: Path,
    settings: Sequence[str] = (),
    done: Callable[[Run, int, int], None] = lambda run, k, n: None,
) -> dict[str, Any]:
    """Train every subset that is missing, in the folder of a comparison or another; write groups.json."""
    chosen = named(preset)
    folder, wanted = sorted_out(data, [*chosen.settings, *settings])
    config = configure(chosen.training, wanted)
    check(folder, config)
    tasks = config.tasks
    runs = [group_run(group, seed, tasks) for seed in range(chosen.seeds) for group in subsets(tasks)]
    perform(runs, folder, out, chosen.training, wanted, done)
    found = judged(results(runs, out), tasks)
    found |= {"command": f"perception mtl groups --preset {preset}"}
    write_whole(out / "groups.json", (json.dumps(found, indent=1) + "\n").encode())
    return found


def judged(found: Results, tasks: Sequence[str] = TASKS) -> dict[str, Any]:
    """All partitions of `tasks`, best first, and how well the cosines foretold them."""
    known = {group: found[group_run(group, 0, tasks).variant] for group in subsets(tasks)}
    gains = {group: _gains(known, group) for group in known}
    splits = list(partitions(tasks))
    true = [_mean(gains[group][task] for group in p for task in group) for p in splits]
    whole = known[tuple(tasks)]
    forecasts = {"cosine": _cosines(whole), "affinity": _affinities(whole)}
    foretold = {name: [_foretold(p, pairs) for p in splits] for name, pairs in forecasts.items()}
    order = sorted(range(len(true)), key=lambda k: -true[k])
    return {
        "format": 2,
        "gains": {"+".join(group): own for group, own in gains.items()},
        "partitions": [
            {
                "groups": ["+".join(group) for group in splits[k]],
                "delta_m": true[k],
                **{name: own[k] for name, own in foretold.items()},
            }
            for k in order
        ],
        "forecasts": {
            name: {
                "pairs": pairs,
                "rank_correlation": rank_correlation(foretold[name], true),
                "regret": max(true) - true[int(np.argmax(foretold[name]))],
            }
            for name, pairs in forecasts.items()
        },
    }


def _gains(known: Mapping[Group, Runs], group: Group) -> dict[str, float]:
    """Task -> percent over its single-task network, mean over seeds."""
    return {
        task: _mean(
            relative(run["scores"][task], known[task,][seed]["scores"][task])
            for seed, run in known[group].items()
        )
        for task in group
    }


def _cosines(runs: Runs) -> dict[str, float]:
    """ "a|b" -> mean cosine over the whole trunk, over time and seeds, in the run of all tasks."""
    kept: dict[str, list[float]] = {}
    for run in runs.values():
        for probe in run["conflicts"]:
            for pair, value in probe["cosines"][WHOLE].items():
                kept.setdefault("|".join(sorted(pair.split("|"))), []).append(value)
    return {pair: _mean(values) for pair, values in sorted(kept.items())}


def _affinities(runs: Runs) -> dict[str, float]:
    """ "a|b" -> mean of what a step for one does for the other, both ways, over time and seeds.

    Against what a step for a task does for itself, as the paper compares.
    """
    kept: dict[str, list[float]] = {}
    for run in runs.values():
        for probe in run["conflicts"]:
            helped = probe["affinity"]
            for pair, value in helped.items():
                a, b = pair.split(">")
                if a != b:
                    kept.setdefault("|".join(sorted((a, b))), []).append(value - helped[f"{b}>{b}"])
    return {pair: _mean(values) for pair, values in sorted(kept.items())}


def _foretold(partition: Partition, pairs: Mapping[str, float]) -> float:
    """The mean over tasks of its mean forecast with the others of its group; alone, 0."""
    values = []
    for group in partition:
        for task in group:
            near = [pairs.get("|".join(sorted((task, other))), 0.0) for other in group if other != task]
            values.append(_mean(near) if near else 0.0)
    return _mean(values)


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's: the correlation of ranks, equals sharing theirs."""
    left, right = _ranks(np.asarray(a)), _ranks(np.asarray(b))
    if left.std() == 0 or right.std() == 0:
        return 0.0
    return float(np.corrcoef(left, right)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    less = (values[:, None] > values).sum(1)
    equal = (values[:, None] == values).sum(1)
    return np.asarray(less + (equal - 1) / 2)


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))
