"""Search under a latency budget and random search beside it; the best of both are trained again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch

from perception.errors import DataError
from perception.model.shape import Design
from perception.sinks.files import write_whole
from perception.training.analysis.compare import check, sorted_out
from perception.training.analysis.runs import place, warm
from perception.training.search.runs import Runs, Wanted, score_of
from perception.training.search.space import Candidate, Space
from perception.training.search.study import BRACKET, METHODS, Budget, Search, cost
from perception.training.search.verdict import Final, judged

RESULT = "search.json"


class Latency(Protocol):
    """What networks take in use; what exports them lies above this package."""

    @property
    def processor(self) -> str: ...

    def predict(self, design: Design) -> float:
        """Ms of a frame in INT8, on the processor of the table."""

    def measure(self, designs: Sequence[Design], folder: Path) -> Mapping[Design, float]:
        """The same measured here, on INT8 files that are written to `folder`."""


def search(
    wanted: Wanted,
    data: Sequence[str],
    out: Path,
    latency: Callable[[Space, Sequence[str]], Latency],
    told: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Search, or go on with a search in `out`; write search.json.

    `latency` gives what foretells latency in a space, for these tasks. Raises DataError if `out` holds a
    search for something else, or no network of the space fits the budget.
    """
    torch.set_num_threads(1)  # processes are forked from this one
    folder, settings = sorted_out(data, wanted.settings)
    runs = Runs(wanted, folder, out, settings)
    config, space = runs.config, Space.of(wanted.used, runs.config.size, wanted.choices)
    check(folder, config)
    clock = latency(space, config.tasks)
    budget = Budget(lambda candidate: clock.predict(candidate.design), wanted.budget_ms)
    for design in space.pairs():  # a table that lacks a block is named now
        clock.predict(design)
    _check_budget(space, budget)
    _remember(out, runs, space, clock)
    warm(folder, out, config)
    steps = config.steps
    told(f"{len(config.tasks)} single-task networks of {steps} steps")
    runs.train([*runs.alone(wanted.seed).values()])
    searches = {}
    for method in METHODS:
        told(f"{method}: {wanted.trials} networks, {_steps(wanted.trials, steps)} steps of training")
        searches[method] = Search(method, space, budget, wanted.seed, str(out / "search.db"))
        searches[method].run(wanted.trials, steps, runs.worth)
    chosen = {method: own.candidate(own.best()) for method, own in searches.items()}
    finalists = {**chosen, "shipped": space.shipped}
    told(f"finals: {len(set(finalists.values()))} networks and single-task ones, {wanted.seeds} seeds")
    finals = _finals(runs, finalists)
    real = clock.measure(list({own.design for own in finalists.values()}), out / "finalists")
    found = {
        "format": 1,
        "command": wanted.command,
        "budget_ms": wanted.budget_ms,
        "processor": clock.processor,
        "used": list(space.used),
        "trained": list(space.trained),
        "tasks": list(config.tasks),
        "steps": steps,
        "seed": wanted.seed,
        "single": _single(runs),
        "searches": {method: _told(own, wanted.trials, steps) for method, own in searches.items()},
        "finalists": {
            name: _finalist(own, clock.predict(own.design), real[own.design])
            for name, own in finalists.items()
        },
        **judged(finals, "tpe"),
    }
    write_whole(out / RESULT, (json.dumps(found, indent=1) + "\n").encode())
    return found


def _finals(runs: Runs, finalists: Mapping[str, Candidate]) -> dict[str, Final]:
    for seed in runs.wanted.final_seeds:
        own = [runs.of(candidate, seed, runs.config.steps) for candidate in finalists.values()]
        runs.train([*runs.alone(seed).values(), *own])
    return {name: runs.final(candidate) for name, candidate in finalists.items()}


def _steps(trials: int, steps: int) -> int:
    return sum(cost(min(BRACKET, trials - begin), steps) for begin in range(0, trials, BRACKET))


def _check_budget(space: Space, budget: Budget) -> None:
    least = min((budget.predict(candidate), candidate.name) for candidate in space.smallest())
    if least[0] > budget.ms:
        raise DataError(
            f"--budget-ms {budget.ms:g}: expected at least {least[0]:.2f} ms, which the smallest network of "
            f"the space takes ({least[1]}). Allow more, or add smaller choices: --choose scale=0.5"
        )


def _remember(out: Path, runs: Runs, space: Space, latency: Latency) -> None:
    """Note what is searched for. Raises DataError if `out` holds a search for something else."""
    asked: dict[str, Any] = {
        "space": {name: list(own) for name, own in space.choices.items()},
        "used": list(space.used),
        "trained": list(space.trained),
        "preset": runs.wanted.preset,
        "settings": list(runs.settings),
        "data": place(runs.data),
        "budget_ms": runs.wanted.budget_ms,
        "seed": runs.wanted.seed,
        "processor": latency.processor,
    }
    path = out / "asked.json"
    if path.exists():
        before = json.loads(path.read_text())
        changed = [name for name, value in asked.items() if before.get(name, value) != value]
        if changed:
            name = changed[0]
            raise DataError(
                f"{out}: expected a search with the same {name}, got {asked[name]}, before "
                f"{before.get(name)}. Go on with what was asked before, or choose another --out"
            )
    out.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(asked, indent=1) + "\n").encode())


def _single(runs: Runs) -> dict[str, float]:
    """Task -> mean score of its single-task networks, over the seeds of the finals."""
    alone = [runs.alone(seed) for seed in runs.wanted.final_seeds]
    return {
        task: sum(score_of(own[task], task, runs.config.steps) for own in alone) / len(alone)
        for task in runs.config.tasks
    }


def _told(search: Search, trials: int, steps: int) -> dict[str, Any]:
    best = search.best()
    tried = [
        {
            "name": search.candidate(trial).name,
            "ms": round(trial.user_attrs["ms"], 3),
            "steps": max(trial.intermediate_values, default=0),
            "delta_m": trial.value,
            "rungs": {str(step): value for step, value in sorted(trial.intermediate_values.items())},
        }
        for trial in search.tried
    ]
    return {
        "best": search.candidate(best).name,
        "delta_m": best.value,
        "ms": round(best.user_attrs["ms"], 3),
        "trials": len(tried),
        "steps": _steps(trials, steps),
        "over_budget": search.over_budget,
        "tried": tried,
    }


def _finalist(own: Candidate, foretold: float, measured: float) -> dict[str, Any]:
    return {
        "name": own.name,
        "sharing": own.design.sharing,
        "balance": own.balance,
        "shape": asdict(own.design.shape),
        "used": list(own.design.size),
        "trained": list(own.trained),
        "settings": own.settings,
        "predicted_ms": round(foretold, 3),
        "measured_ms": round(measured, 3),
        "error_percent": round(100 * (foretold - measured) / measured, 2),
    }
