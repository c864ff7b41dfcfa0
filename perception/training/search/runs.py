"""The networks of a search, and the single-task networks that they are compared with."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perception.errors import DataError
from perception.training.analysis.runs import single
from perception.training.analysis.statistics import relative
from perception.training.config import configure
from perception.training.search.space import Candidate
from perception.training.search.study import rungs
from perception.training.search.trial import Part, perform
from perception.training.search.verdict import Final
from perception.types import Size

WORST = -100.0  # percent: of a task that a network says nothing of


@dataclass(frozen=True)
class Wanted:
    budget_ms: float
    preset: str
    used: Size  # input in use (width, height) at scale 1
    settings: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    trials: int = 27
    seed: int = 0
    seeds: int = 5  # of the finals, none of which is `seed`
    processes: int = 1

    @property
    def command(self) -> str:
        """Without the data and the folder."""
        changes = [f"--set {shlex.quote(own)}" for own in self.settings]
        changes += [f"--choose {own}" for own in self.choices]
        return " ".join(
            (
                f"perception mtl search --budget-ms {self.budget_ms:g} --input {self.used[0]}x{self.used[1]}",
                f"--preset {self.preset} --trials {self.trials} --seed {self.seed} --seeds {self.seeds}",
                *changes,
            )
        )

    @property
    def final_seeds(self) -> range:
        return range(self.seed + 1, self.seed + 1 + self.seeds)


class Runs:
    """Trains candidates, and single-task networks of the shipped shape, and compares them."""

    def __init__(self, wanted: Wanted, data: Path | None, out: Path, settings: Sequence[str]) -> None:
        self.wanted, self.data, self.out, self.settings = wanted, data, out, tuple(settings)
        self.config = configure(wanted.preset, settings)
        self.done: Callable[[], None] = lambda: None

    def part(self, folder: str, settings: Sequence[str], seed: int, until: int) -> Part:
        steps = self.config.steps
        return Part(
            self.out / "runs" / f"{folder}-s{seed}",
            self.wanted.preset,
            (*self.settings, *settings, f"seed={seed}"),
            rungs(steps) if seed == self.wanted.seed else (steps,),
            until,
        )

    def of(self, candidate: Candidate, seed: int, until: int) -> Part:
        return self.part(candidate.folder, candidate.settings, seed, until)

    def alone(self, seed: int) -> dict[str, Part]:
        """Task -> its single-task network."""
        runs = {task: single(task, seed) for task in self.config.tasks}
        return {
            task: self.part(run.variant.replace("/", "-"), run.settings, seed, self.config.steps)
            for task, run in runs.items()
        }

    def train(self, parts: Sequence[Part]) -> None:
        perform(parts, self.data, self.out / "synthetic", self.wanted.processes, self.done)

    def deltas(self, part: Part, seed: int, step: int) -> dict[str, float]:
        """Task -> percent over its single-task network at that step, of that one's score at the end.

        At the end that is the relative difference. Before, scores may be near zero, and percents of them
        would say nothing.
        """
        own = part.scores(step) or {}
        found = {}
        for task, alone in self.alone(seed).items():
            then, last = (score_of(alone, task, at) for at in (step, self.config.steps))
            found[task] = relative(last + own[task] - then, last) if task in own else WORST
        return found

    def worth(self, candidates: Sequence[Candidate], step: int) -> list[float]:
        """Delta m of each, trained to a step of the search."""
        seed = self.wanted.seed
        parts = [self.of(candidate, seed, step) for candidate in candidates]
        self.train(parts)
        return [_mean(self.deltas(part, seed, step)) for part in parts]

    def final(self, candidate: Candidate) -> Final:
        """Seed -> task -> percent over single-task networks, of fresh seeds."""
        steps = self.config.steps
        return {
            seed: self.deltas(self.of(candidate, seed, steps), seed, steps)
            for seed in self.wanted.final_seeds
        }


def score_of(part: Part, task: str, step: int) -> float:
    """Raises DataError: without it there is nothing to compare with."""
    scores = part.scores(step) or {}
    if task not in scores:
        raise DataError(
            f"{part.folder}: expected a score of {task} to compare with, got none. Name labels of {task} by "
            "--set val=, or search without it: --set tasks="
        )
    return scores[task]


def _mean(values: Mapping[str, float]) -> float:
    return sum(values.values()) / len(values)
