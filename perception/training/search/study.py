"""Which networks are tried: proposed by a sampler, halved by how they do, remembered in a database.

Synchronous successive halving (Jamieson & Talwalkar 2016): of BRACKET networks that are trained to the first
rung, the best third goes on to the next, and so on to the last step. The sampler learns after each bracket:
TPE (Bergstra et al. 2011) by Optuna, or none, which is random search with the same budget of steps. A sampler
is seeded anew for each proposal, so what is proposed depends on what is known and on nothing else: not on how
many processes train, nor on an interruption.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState

from perception.errors import DataError
from perception.training.search.space import NAMES, Candidate, Space

BRACKET, FACTOR = 9, 3  # networks that begin together, and the share that goes on, one of so many
METHODS = ("tpe", "random")
TRIES = 300  # proposals for one network that fits the budget and is new
Judge = Callable[[Sequence[Candidate], int], Sequence[float]]  # trained to a step: what each is worth


@dataclass(frozen=True)
class Budget:
    predict: Callable[[Candidate], float]  # ms of a frame
    ms: float


def rungs(steps: int) -> tuple[int, ...]:
    """Steps at which networks are compared, the last included; fewer where there are few steps."""
    found, step = [steps], steps
    size = BRACKET
    while size >= FACTOR and step // FACTOR >= 1:
        size, step = size // FACTOR, step // FACTOR
        found.insert(0, step)
    return tuple(found)


def cost(count: int, steps: int) -> int:
    """Steps of training that a bracket of so many networks takes."""
    total, before = 0, 0
    for rung in rungs(steps):
        total += count * (rung - before)
        before, count = rung, max(1, count // FACTOR)
    return total


class Search:
    """One sampler's search. `path`: its database; a search that is there is gone on with."""

    def __init__(self, method: str, space: Space, budget: Budget, seed: int, path: str) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.method, self.space, self.budget, self.seed = method, space, budget, seed
        self.study = optuna.create_study(
            storage=f"sqlite:///{path}", study_name=method, direction="maximize", load_if_exists=True
        )
        self.distributions: dict[str, BaseDistribution] = {
            name: CategoricalDistribution(own) if name in NAMES else IntDistribution(0, len(own) - 1)
            for name, own in space.ordered.items()
        }

    def run(self, trials: int, steps: int, judge: Judge) -> None:
        """Try so many networks, a bracket at a time. Raises DataError if no new one fits the budget."""
        for number, begin in enumerate(range(0, trials, BRACKET)):
            self._halve(self._bracket(number, min(BRACKET, trials - begin)), steps, judge)

    def _bracket(self, number: int, size: int) -> list[FrozenTrial]:
        """Its networks: those that are known from before an interruption, and new ones."""
        while len(found := self._of(number)) < size:
            self._propose(number)
        return found

    def _of(self, bracket: int) -> list[FrozenTrial]:
        return [t for t in self.study.get_trials() if t.user_attrs.get("bracket") == bracket]

    def _propose(self, bracket: int) -> None:
        known = {self.candidate(t) for t in self.study.get_trials() if "bracket" in t.user_attrs}
        for _ in range(TRIES):
            self.study.sampler = self._sampler(len(self.study.get_trials(deepcopy=False)))
            trial = self.study.ask(self.distributions)
            candidate = self.candidate(trial)
            ms = self.budget.predict(candidate)
            trial.set_user_attr("ms", ms)
            if ms <= self.budget.ms and candidate not in known:
                trial.set_user_attr("bracket", bracket)
                return
            over = ms > self.budget.ms  # TPE learns that this is bad, but nothing of one that it knows
            self.study.tell(trial, state=TrialState.PRUNED if over else TrialState.FAIL)
        raise DataError(
            f"--budget-ms {self.budget.ms:g}: expected a further network that fits, found none in {TRIES} "
            "proposals. Allow more ms, fewer --trials, or more choices"
        )

    def _sampler(self, number: int) -> BaseSampler:
        seed = 100_003 * self.seed + number
        begun = any(t.state == TrialState.COMPLETE for t in self.study.get_trials(deepcopy=False))
        return (
            TPESampler(seed=seed, n_startup_trials=1)
            if self.method == "tpe" and begun
            else RandomSampler(seed)
        )

    def _halve(self, bracket: Sequence[FrozenTrial], steps: int, judge: Judge) -> None:
        stay = list(bracket)
        for rung in rungs(steps):
            worth = judge([self.candidate(trial) for trial in stay], rung)
            order = sorted(zip(worth, stay, strict=True), key=lambda pair: (-pair[0], pair[1].number))
            for value, trial in order:
                self._report(trial, rung, value)
            kept = len(stay) if rung == steps else max(1, len(stay) // FACTOR)
            for _, trial in order[kept:]:
                self._tell(trial, None)
            if rung == steps:
                for value, trial in order:
                    self._tell(trial, value)
            stay = [trial for _, trial in order[:kept]]

    def _report(self, trial: FrozenTrial, rung: int, value: float) -> None:
        if trial.state == TrialState.RUNNING and rung not in trial.intermediate_values:
            Trial(self.study, trial._trial_id).report(value, rung)

    def _tell(self, trial: FrozenTrial, value: float | None) -> None:
        """Its end; None: it went no further. One that had ended before an interruption stays as it is."""
        if trial.state == TrialState.RUNNING:
            state = TrialState.PRUNED if value is None else TrialState.COMPLETE
            self.study.tell(trial.number, value, state=state)

    def candidate(self, trial: Trial | FrozenTrial) -> Candidate:
        """A trial has names, and the places of numbers in their order: near places are like networks."""
        order = self.space.ordered
        return self.space.candidate(
            {name: own if name in NAMES else order[name][own] for name, own in trial.params.items()}
        )

    @property
    def tried(self) -> list[FrozenTrial]:
        """What was trained, at least to the first rung."""
        return [t for t in self.study.get_trials() if "bracket" in t.user_attrs and t.state.is_finished()]

    @property
    def over_budget(self) -> int:
        """Proposals that were not trained because they would take too long."""
        return sum(
            t.user_attrs.get("ms", 0.0) > self.budget.ms for t in self.study.get_trials(deepcopy=False)
        )

    def best(self) -> FrozenTrial:
        """Of those trained to the last step the one of the highest value; of equals the faster."""
        done = [t for t in self.tried if t.state == TrialState.COMPLETE and t.value is not None]
        return max(done, key=lambda t: (t.value, -t.user_attrs["ms"], -t.number))
