"""Do the frames teach anything? Each half of them is judged by what the other half has taught."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from perception.evaluation.measure import report
from perception.evaluation.names import headlines
from perception.model.network import Network
from perception.tasks.batch import Batch
from perception.training.adapt.fit import Recipe, fit
from perception.training.analysis.judge import records
from perception.training.data.foreign import Told
from perception.types import Size


@dataclass(frozen=True)
class Gain:
    """Of a task on frames that were held out: the metric that it is judged by, from 0 to 1."""

    what: str
    before: float
    after: float

    @property
    def better(self) -> bool:
        return self.after > self.before


def scores(network: Network, told: Sequence[Told], size: Size) -> dict[str, tuple[float, str]]:
    """Task -> its score on labelled frames, and what that is."""
    return headlines(report(records(network, size, told)).metrics)


def crossed(
    network: Network,
    told: Sequence[Told],
    tasks: Sequence[str],
    batches: Callable[[Sequence[Told]], Iterator[Batch]],
    recipe: Recipe,
    size: Size,
    minutes: float,
) -> dict[str, Gain]:
    """By task, of those that the frames can judge; `network` (width, height) `size` stays as it is.

    `batches` makes training batches of some of the frames. Both halves together take as long as the whole.
    """
    half, said = replace(recipe, steps=max(1, recipe.steps // 2)), []
    for learnt, held in ((told[::2], told[1::2]), (told[1::2], told[::2])):
        made = fit(copy.deepcopy(network), batches(learnt), tasks, half, minutes / 2)
        said += records(made, size, held)
    before, after = scores(network, told, size), headlines(report(said).metrics)
    return {
        task: Gain(what, score, after[task][0])
        for task, (score, what) in before.items()
        if task in tasks and task in after
    }
