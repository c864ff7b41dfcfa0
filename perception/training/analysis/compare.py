"""Ways to share and to balance against single-task networks: the runs, and what they say.

Every run has the same code, pictures, batches and seeds. What is compared is trained twice: as many steps as
the single-task networks, and, "in-time", as many as fit into the processor time of all of these together. The
best of the first seeds are trained again with fresh ones, and judged by these alone: the best of many means
is a lucky one, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from perception.errors import DataError
from perception.labels.folder import read_folder
from perception.sinks.files import write_whole
from perception.training.analysis.job import EVALUATIONS
from perception.training.analysis.runs import (
    TASKS,
    Pair,
    Results,
    Run,
    perform,
    results,
    single,
    together,
)
from perception.training.analysis.statistics import (
    Interval,
    delta,
    delta_m,
    interval,
    mean_ranks,
    points,
    see_saw,
)
from perception.training.analysis.validation import Validation, spread
from perception.training.config import WEIGHTS, Config, configure
from perception.training.data import found as surveyed
from perception.training.data.foreign import sort
from perception.types import Size

REFERENCE = ("hard", "equal")
BY_HAND = ("hard", "static", f"weights={json.dumps(WEIGHTS)}")  # as the shipped network
EACH = ("seed", "balance")  # settings that each run has of its own
IN_TIME = "in-time/"  # before a variant's name: its runs of equal processor time


@dataclass(frozen=True)
class Preset:
    training: str  # preset of the training
    sharing: tuple[str, ...]
    balance: tuple[str, ...]  # each with each of `sharing`
    seeds: int
    settings: tuple[str, ...] = ()
    beside: tuple[Pair, ...] = ()  # what is compared with them
    finalists: int = 0  # so many of the best, and REFERENCE, get
    final_seeds: int = 0  # fresh seeds
    tasks: tuple[str, ...] = TASKS

    @property
    def fresh(self) -> range:
        """The seeds that judge finalists."""
        return range(self.seeds, self.seeds + self.final_seeds)

    @property
    def pairs(self) -> list[Pair]:
        return [*((way, balance) for way in self.sharing for balance in self.balance), *self.beside]


PRESETS = {
    "quick": Preset(
        "quick",
        ("hard", "mixture"),
        ("equal", "upgrad"),
        2,
        ("steps=60", "rendered=8", "batch=4", "size=[192, 128]"),
    ),
    "full": Preset(
        "small",
        ("hard", "cross_stitch", "encoder_decoder", "mixture", "attention"),
        ("equal", "uncertainty", "dwa", "famo", "upgrad", "pcgrad"),
        3,
        ("steps=400", "rendered=300", "weights={}"),
        (("soft", "equal"), ("branch2", "equal"), ("hard", "gradnorm"), ("hard", "stch"), BY_HAND),
        finalists=3,
        final_seeds=5,
    ),
    "verdict": Preset(  # the best of `full`, six times as long
        "small",
        ("hard", "encoder_decoder"),
        ("equal",),
        3,
        ("steps=2400", "rendered=300", "weights={}"),
        (("hard", "dwa"),),
    ),
}


def planned(preset: Preset, found: Results) -> list[Run]:
    """All runs that are known to be needed by what is `found`; more may follow from their results."""
    seeds, extra = range(preset.seeds), preset.fresh
    runs = _equal_steps(preset.pairs, seeds, preset.tasks)
    first = of_seeds(found, seeds)
    if not all(run.seed in first.get(run.variant, {}) for run in runs):
        return runs
    best, steps = finalists(preset, first), steps_in_time(first)
    plain = [pair for pair in preset.pairs if REFERENCE[0] == pair[0] or REFERENCE[1] == pair[1]]
    mixed = [pair for pair in preset.pairs if pair not in plain]
    runs += [*_in_time(plain, seeds, steps), *(_equal_steps(best, extra, preset.tasks) if best else [])]
    return [*runs, *_in_time(best, extra, steps), *_in_time(mixed, seeds, steps)]


def _equal_steps(pairs: Sequence[Pair], seeds: Collection[int], tasks: Sequence[str]) -> list[Run]:
    return [
        run
        for seed in seeds
        for run in (*(single(task, seed) for task in tasks), *(together(pair, seed) for pair in pairs))
    ]


def _in_time(pairs: Iterable[Pair], seeds: Collection[int], steps: Mapping[str, int]) -> list[Run]:
    runs = [together(pair, seed) for pair in pairs for seed in seeds]  # the first has its interval first
    return [
        replace(run, variant=IN_TIME + run.variant, settings=(*run.settings, f"steps={steps[run.variant]}"))
        for run in runs
    ]


def steps_in_time(found: Results) -> dict[str, int]:
    """Variant -> steps that fit into the processor time of the single-task networks.

    Those of the first seed tell: more seeds, later, leave what is done as it is.
    """
    own = {name: runs[min(runs)] for name, runs in found.items() if not name.startswith(IN_TIME)}
    budget = sum(run["seconds"] for name, run in own.items() if name.startswith("single/"))
    return {name: max(1, round(budget * run["steps"] / run["seconds"])) for name, run in own.items()}


def finalists(preset: Preset, found: Results) -> list[Pair]:
    """Of the preset's pairs those of the highest mean difference to single-task networks, and REFERENCE."""
    if not preset.finalists:
        return []
    single_task = {task: scores_of(found[f"single/{task}"], task) for task in preset.tasks}

    def gain(pair: Pair) -> float:
        runs = found["/".join(pair[:2])]
        scores = {task: scores_of(runs, task) for task in preset.tasks}
        return _mean(delta_m(scores, single_task), float("-inf"))

    best = sorted(preset.pairs, key=gain, reverse=True)[: preset.finalists]
    return [pair for pair in preset.pairs if pair in best or pair[:2] == REFERENCE]


def compare(
    preset: str,
    data: Sequence[str],
    out: Path,
    settings: Sequence[str] = (),
    done: Callable[[Run, int, int], None] = lambda run, k, n: None,
    speeds: Callable[[Sequence[str], Collection[str], Size], Mapping[str, Any]] | None = None,
    seeds: int | None = None,
) -> dict[str, Any]:
    """Do the missing runs and write comparison.json. `seeds`: None: as many as the preset has.

    `data`: as for `perception train`; runs are judged by the val split of a folder in our own format, or by
    `val` and `held_out` of the settings.
    `done` hears of each run, its number and that of all known to be missing then; `speeds` tells how fast
    architectures are in use.
    """
    chosen = named(preset)
    folder, wanted = sorted_out(data, [*chosen.settings, *settings])
    config = configure(chosen.training, wanted)  # a wrong setting or folder is named before the first run
    check(folder, config)
    chosen = replace(chosen, tasks=config.tasks, seeds=seeds or chosen.seeds)
    runs: list[Run] = []
    while (more := planned(chosen, results(runs, out))) != runs:
        perform(more, folder, out, chosen.training, wanted, done)
        runs = more
    found = summary(results(runs, out), chosen.fresh)
    asked = f" --seeds {seeds}" if seeds else ""
    found |= {"command": f"perception mtl compare --preset {preset}{asked}", "settings": wanted}
    if speeds is not None:
        ways = list(dict.fromkeys(pair[0] for pair in chosen.pairs))
        found["speeds"] = dict(speeds(ways, config.tasks, configure(chosen.training, wanted).size))
    write_whole(out / "comparison.json", (json.dumps(found, indent=1) + "\n").encode())
    baseline = {"format": 1, "evaluations": single_evaluations(results(runs, out))}
    write_whole(out / "scores.json", (json.dumps(baseline, indent=1) + "\n").encode())
    return found


def single_evaluations(found: Results) -> list[dict[str, Any]]:
    """What single-task networks scored on their way: the baseline of a training's alarm."""
    rows: dict[float, dict[str, list[float]]] = {}
    for task in TASKS:
        for run in found.get(f"single/{task}", {}).values():
            for row in run["history"]:
                at = rows.setdefault(row["step"] / run["steps"], {})
                at.setdefault(task, []).append(row["scores"].get(task, 0.0))
    return [
        {"progress": progress, "scores": {task: _pair(interval(x)) for task, x in own.items()}}
        for progress, own in sorted(rows.items())
    ]


def _pair(found: Interval) -> list[float | None]:
    return [found.mean, None if found.count == 1 else found.half]


def check(folder: Path | None, config: Config) -> None:
    """Raises DataError if there is nothing to learn from, a task cannot be judged, or runs are unlike."""
    _check_alike(config)
    surveyed.check(surveyed.survey(folder, config), config, ())
    validation = Validation(folder, replace(config, eval_every=spread(config, EVALUATIONS)))
    told = {task for picture in validation.chosen for task in picture.tasks}
    if folder is not None and not validation.chosen:
        told |= read_folder(folder, "val").tasks
    missing = [task for task in config.tasks if task not in told]
    if missing:
        rest = surveyed.list_of([task for task in config.tasks if task not in missing])
        raise DataError(
            f"val: expected labels of {', '.join(config.tasks)} to compare by, got none of "
            f"{', '.join(missing)}. Name others, or compare fewer tasks: --set 'tasks={rest}'"
        )


def _check_alike(config: Config) -> None:
    """Raises DataError for a setting by which only some runs would end early, or be balanced."""
    for key in ("patience", "minutes"):
        if value := getattr(config, key):
            raise DataError(
                f"{key}={value:g}: expected runs of as many steps as each other, which are compared, got a "
                "setting that ends them at different ones. Leave it out; say how long with --set steps=N"
            )
    if config.weights and config.weights != WEIGHTS:
        raise DataError(
            f"weights={json.dumps(dict(config.weights))}: expected none, since runs that are compared "
            "balance the tasks by different methods, and single tasks not at all. Leave it out"
        )


def sorted_out(data: Sequence[str], settings: Sequence[str]) -> tuple[Path | None, list[str]]:
    """The folder in our own format, and the settings with the other data sets. Raises DataError."""
    for setting in settings:
        if (key := setting.partition("=")[0]) in EACH:
            raise DataError(
                f"--set {setting}: expected settings that all runs have, got the {key}, of which each has "
                "its own. Leave it out"
            )
    folder, others = sort(data)
    return folder, [*settings, *([f"data={json.dumps(others)}"] if others else [])]


def named(preset: str) -> Preset:
    if preset not in PRESETS:
        raise DataError(f"unknown preset {preset!r}; there are {', '.join(PRESETS)}")
    return PRESETS[preset]


def of_seeds(found: Results, seeds: Collection[int]) -> Results:
    """The runs with one of `seeds`."""
    some = {name: {s: run for s, run in own.items() if s in seeds} for name, own in found.items()}
    return {name: own for name, own in some.items() if own}


def summary(every: Results, fresh: Collection[int] = ()) -> dict[str, Any]:
    """Per variant: scores, differences to single-task networks, cost; which tasks it hurts; see-saw.

    Finalists are judged by the seeds `fresh` alone, and what chose them is told without these.
    """
    first = {seed for own in every.values() for seed in own} - set(fresh)
    found, last = of_seeds(every, first), of_seeds(every, fresh)
    alone = single_scores(found)
    variants = {name: runs for name, runs in found.items() if not name.startswith(("single/", IN_TIME))}
    ranks = mean_ranks({name: means(runs) for name, runs in variants.items()})
    return {
        "format": 2,
        "tasks": [task for task in TASKS if alone[task]] or list(TASKS),
        "single": {task: as_dict(scores) for task, scores in alone.items() if scores},
        "variants": {
            name: variant(runs, found.get(IN_TIME + name, {}), alone) | {"rank": ranks.get(name)}
            for name, runs in variants.items()
        },
        "size": next((run["size"] for runs in found.values() for run in runs.values()), None),
        "steps": next((run["steps"] for runs in variants.values() for run in runs.values()), None),
        "finals": {"chosen_by": sorted(first), **finals(last)},
    }


def finals(found: Results) -> dict[str, Any]:
    """Of runs with fresh seeds alone: their differences to single-task networks."""
    alone = single_scores(found)
    names = [name for name in found if not name.startswith(("single/", IN_TIME))]
    return {
        "seeds": sorted({seed for own in found.values() for seed in own}),
        "variants": {
            name: {
                "steps": against(found[name], alone),
                "time": against(found.get(IN_TIME + name, {}), alone),
            }
            for name in names
        },
    }


def single_scores(found: Results) -> dict[str, dict[int, float]]:
    return {task: scores_of(found.get(f"single/{task}", {}), task) for task in TASKS}


def variant(
    runs: Mapping[int, Mapping[str, Any]],
    timed: Mapping[int, Mapping[str, Any]],
    alone: Mapping[str, Mapping[int, float]],
) -> dict[str, Any]:
    """What its runs of equal steps, and those of equal time, say against single-task scores."""
    first = next(iter(runs.values()))
    return {
        "seeds": sorted(runs),
        "scores": {task: as_dict(x) for task in TASKS if (x := scores_of(runs, task))},
        "steps": against(runs, alone),
        "time": against(timed, alone) | {"steps": [run["steps"] for run in timed.values()][:1]},
        "seconds": plain(interval([run["seconds"] for run in runs.values()])),
        "parameters": first["parameters"],
        "macs": first["macs"],
        "see_saw": see_saw([[row["scores"] for row in run["history"]] for run in runs.values()]),
        "conflicts": mean_cosines([run["conflicts"] for run in runs.values()]),
        "weights": first["weights"],
    }


def mean_cosines(runs: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The probes of several runs at the same steps as those of one: one batch says little."""
    found = []
    for probes in zip(*runs, strict=True):
        cosines: dict[str, dict[str, list[float]]] = {}
        for probe in probes:
            for part, pairs in probe["cosines"].items():
                for pair, value in pairs.items():
                    names = "|".join(sorted(pair.split("|")))
                    cosines.setdefault(part, {}).setdefault(names, []).append(value)
        means = {part: {pair: mean(own) for pair, own in pairs.items()} for part, pairs in cosines.items()}
        found.append({"step": probes[0]["step"], "cosines": means})
    return found


def against(
    runs: Mapping[int, Mapping[str, Any]], baseline: Mapping[str, Mapping[int, float]]
) -> dict[str, Any]:
    own = {task: scores_of(runs, task) for task in TASKS if baseline[task]}
    found = {task: x for task in own if (x := delta(own[task], baseline[task])) is not None}
    whole = delta_m(own, baseline)
    return {
        "delta": {task: plain(x) for task, x in found.items()},
        "points": {task: plain(x) for task in found if (x := delta(own[task], baseline[task], points))},
        "delta_m": plain(whole) if whole is not None else None,
        "hurt": [task for task, x in found.items() if x.below_zero],
        "worst": min(found, key=lambda task: found[task].mean, default=None),
    }


def scores_of(runs: Mapping[int, Mapping[str, Any]], task: str) -> dict[int, float]:
    return {seed: run["scores"][task] for seed, run in runs.items() if task in run["scores"]}


def means(runs: Mapping[int, Mapping[str, Any]]) -> dict[str, float]:
    return {task: interval(list(own.values())).mean for task in TASKS if (own := scores_of(runs, task))}


def as_dict(scores: Mapping[int, float]) -> dict[str, Any]:
    return plain(interval(list(scores.values()))) | {"seeds": {str(s): x for s, x in scores.items()}}


def plain(found: Interval) -> dict[str, Any]:
    """JSON has no infinity: with one seed there is no interval."""
    return asdict(found) | ({"half": None} if found.count == 1 else {})


def _mean(found: Interval | None, unknown: float) -> float:
    return found.mean if found is not None else unknown
