"""Ways to share and to balance against single-task networks: the runs, and what they say.

Every run has the same code, pictures, batches and seeds. Single-task networks are trained twice: as many
steps as the others ("single"), and as many as fit, all four together, into the processor time of plain hard
sharing ("single-time").
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perception.errors import DataError
from perception.sinks.files import write_whole
from perception.training.analysis.runs import TASKS, Run, counted, perform, results, single, together
from perception.training.analysis.statistics import Interval, delta, delta_m, interval, mean_ranks, see_saw
from perception.training.config import configure
from perception.types import Size

REFERENCE = ("hard", "equal")
Results = Mapping[str, Mapping[int, Mapping[str, Any]]]  # variant -> seed -> result


@dataclass(frozen=True)
class Preset:
    training: str  # preset of the training
    sharing: tuple[str, ...]  # each with REFERENCE's balancing
    balance: tuple[str, ...]  # each with REFERENCE's sharing
    seeds: int
    settings: tuple[str, ...] = ()


PRESETS = {
    "quick": Preset(
        "quick",
        ("hard", "mixture"),
        ("equal", "uncertainty", "upgrad"),
        2,
        ("steps=60", "rendered=8", "batch=4", "size=[160, 96]", "deployed=[192, 128]"),
    ),
    "full": Preset(
        "small",
        ("hard", "cross_stitch", "soft", "encoder_decoder", "mixture", "attention", "branch2"),
        ("equal", "uncertainty", "dwa", "famo", "upgrad", "pcgrad", "gradnorm", "stch"),
        3,
        ("steps=600", "rendered=300", "weights={}"),
    ),
}


def mtl_runs(preset: Preset) -> list[Run]:
    """All but the single-task runs of equal time, whose length follows from these."""
    pairs = [(way, REFERENCE[1]) for way in preset.sharing] + [(REFERENCE[0], way) for way in preset.balance]
    seeds = range(preset.seeds)
    return [
        *(single(task, seed) for seed in seeds for task in TASKS),
        *(together(sharing, balance, seed) for seed in seeds for sharing, balance in dict.fromkeys(pairs)),
    ]


def timed_runs(preset: Preset, out: Path) -> list[Run]:
    """Single-task runs that together take the processor time of one run of REFERENCE."""
    found = results(mtl_runs(preset), out)
    reference = found.get("/".join(REFERENCE), {})
    runs = []
    for seed, whole in reference.items():
        alone = [found[f"single/{task}"][seed]["seconds"] for task in TASKS]
        steps = max(1, round(whole["steps"] * whole["seconds"] / sum(alone)))
        runs += [single(task, seed, f"steps={steps}", name="single-time") for task in TASKS]
    return runs


def compare(
    preset: str,
    data: Path,
    out: Path,
    settings: Sequence[str] = (),
    done: Callable[[Run, int, int], None] = lambda run, k, n: None,
    speeds: Callable[[Sequence[str], Collection[str], Size], Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Do the missing runs and write comparison.json.

    `done` hears of each run and how many there are by then; `speeds` tells how fast architectures are in use.
    """
    chosen = named(preset)
    wanted = [*chosen.settings, *settings]
    configure(chosen.training, wanted)  # a wrong setting is named before the first run
    hear = counted(done, len(mtl_runs(chosen)) + len(TASKS) * chosen.seeds)
    perform(mtl_runs(chosen), data, out, chosen.training, wanted, hear)
    perform(timed_runs(chosen, out), data, out, chosen.training, wanted, hear)
    found = summary(results([*mtl_runs(chosen), *timed_runs(chosen, out)], out))
    found |= {"command": f"perception mtl compare --preset {preset}", "settings": wanted}
    if speeds is not None:
        found["speeds"] = dict(speeds(chosen.sharing, TASKS, configure(chosen.training, wanted).deployed))
    write_whole(out / "comparison.json", (json.dumps(found, indent=1) + "\n").encode())
    looks = {"format": 1, "looks": single_looks(results(mtl_runs(chosen), out))}
    write_whole(out / "scores.json", (json.dumps(looks, indent=1) + "\n").encode())
    return found


def single_looks(found: Results) -> list[dict[str, Any]]:
    """What single-task networks scored on their way: the baseline of a training's alarm."""
    looks: dict[float, dict[str, list[float]]] = {}
    for task in TASKS:
        for run in found.get(f"single/{task}", {}).values():
            for look in run["history"]:
                at = looks.setdefault(look["step"] / run["steps"], {})
                at.setdefault(task, []).append(look["scores"][task])
    return [
        {"progress": progress, "scores": {task: _pair(interval(x)) for task, x in own.items()}}
        for progress, own in sorted(looks.items())
    ]


def _pair(found: Interval) -> list[float | None]:
    return [found.mean, None if found.count == 1 else found.half]


def named(preset: str) -> Preset:
    if preset not in PRESETS:
        raise DataError(f"unknown preset {preset!r}; there are {', '.join(PRESETS)}")
    return PRESETS[preset]


def summary(found: Results) -> dict[str, Any]:
    """Per variant: scores, differences to both baselines, cost; which tasks it hurts; ranks and see-saw."""
    baselines = {
        name: {task: scores_of(found.get(f"{name}/{task}", {}), task) for task in TASKS}
        for name in ("single", "single-time")
    }
    variants = {name: runs for name, runs in found.items() if not name.startswith("single")}
    ranks = mean_ranks({name: means(runs) for name, runs in variants.items()})
    return {
        "format": 1,
        "tasks": list(TASKS),
        "baselines": {name: {t: as_dict(x) for t, x in own.items() if x} for name, own in baselines.items()},
        "variants": {
            name: variant(runs, baselines) | {"rank": ranks.get(name)} for name, runs in variants.items()
        },
        "size": next((run["size"] for runs in found.values() for run in runs.values()), None),
    }


def variant(runs: Mapping[int, Mapping[str, Any]], baselines: Mapping[str, Any]) -> dict[str, Any]:
    own = {task: scores_of(runs, task) for task in TASKS}
    first = next(iter(runs.values()))
    against = {}
    for name, baseline in baselines.items():
        single_deltas = {task: delta(own[task], baseline[task]) for task in TASKS}
        whole = delta_m(own, baseline)
        against[name] = {
            "delta": {task: _plain(x) for task, x in single_deltas.items() if x is not None},
            "delta_m": _plain(whole) if whole is not None else None,
            "hurt": [task for task, x in single_deltas.items() if x is not None and x.below_zero],
            "worst": min(
                (task for task, x in single_deltas.items() if x is not None),
                key=lambda task: _mean(single_deltas[task]),
                default=None,
            ),
        }
    return {
        "seeds": sorted(runs),
        "scores": {task: as_dict(x) for task, x in own.items() if x},
        "against": against,
        "seconds": _plain(interval([run["seconds"] for run in runs.values()])),
        "parameters": first["parameters"],
        "macs": first["macs"],
        "see_saw": see_saw([[look["scores"] for look in run["history"]] for run in runs.values()]),
        "conflicts": first["conflicts"],
        "weights": first["weights"],
    }


def scores_of(runs: Mapping[int, Mapping[str, Any]], task: str) -> dict[int, float]:
    return {seed: run["scores"][task] for seed, run in runs.items() if task in run["scores"]}


def means(runs: Mapping[int, Mapping[str, Any]]) -> dict[str, float]:
    return {task: interval(list(own.values())).mean for task in TASKS if (own := scores_of(runs, task))}


def as_dict(scores: Mapping[int, float]) -> dict[str, Any]:
    return _plain(interval(list(scores.values()))) | {"seeds": {str(s): x for s, x in scores.items()}}


def _plain(found: Interval) -> dict[str, Any]:
    """JSON has no infinity: with one seed there is no interval."""
    return asdict(found) | ({"half": None} if found.count == 1 else {})


def _mean(found: Interval | None) -> float:
    return found.mean if found is not None else float("inf")
