"""Adapt a bundle to the frames of another camera or city, and ship it if the old domains do not suffer."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import Tensor

from deploy.adapt import gate
from deploy.adapt.gate import Judged, Refused, Try
from deploy.adapt.material import Material, Wanted, gathered, rows
from deploy.adapt.write import ADAPTED, write
from deploy.folder import check_free, put
from perception import bundle as bundles
from perception.bundle import ModelSpec
from perception.errors import DataError
from perception.model.network import Network
from perception.outputs import keep_apart
from perception.training import ledger
from perception.training.adapt.align import align
from perception.training.adapt.crossed import Gain, crossed, scores
from perception.training.adapt.fit import fit
from perception.training.adapt.mixed import ALL, mixed
from perception.training.adapt.start import check, network_of

WORSE = "--unlabelled: the labelled frames are seen worse with its statistics, so these stay as they were"
Progress = Callable[[str, float], None]  # what is done, and its share


@dataclass(frozen=True, eq=False)
class Change:
    """Of a network: the weights before, and all that the frames would have."""

    before: Mapping[str, Tensor]
    network: Network
    parts: tuple[str, ...]  # of which a share may be taken: tasks, or ALL
    gains: Mapping[str, Gain]  # of the labelled tasks, on frames that were held out
    aligned: bool  # to the statistics of the unlabelled frames


@dataclass(frozen=True, eq=False)
class Adapted:
    spec: ModelSpec
    tried: Sequence[Try]  # the last one is what was written
    gains: Mapping[str, Gain]
    warnings: tuple[str, ...]


def adapt(
    wanted: Wanted, bundle: Path | None, out: Path, progress: Progress = lambda what, share: None
) -> Adapted:
    """Write to the folder `out` the bundle with as much of the change as the old domains allow.

    Nothing is written unless some share of it keeps every task's main metric within `gate.SLACK`: Refused
    says which fell. Raises DataError, SourceError or BundleError for what cannot be used.
    """
    folder = bundles.folder(bundle)
    keep_apart([out], [*wanted.data, wanted.unlabelled, *wanted.old, folder])
    check_free(out)
    spec = bundles.read(folder)
    check(spec, folder)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        material = gathered(wanted, spec, folder, work / "scenes")
        network = network_of(folder, spec, material.reference)
        progress("is judged on the old domains", 0.0)
        was = _before(folder, spec, wanted)
        change = _change(network, spec, wanted, material, progress)
        tried = _tried(folder, spec, wanted, material, change, was, work, progress)
        final = bundles.read(work / str(len(tried)))
        facts = _facts(material, change, tried[-1], wanted.old or gate.RENDERED)
        final = bundles.write(work / str(len(tried)), replace(final, info={**final.info, ADAPTED: facts}))
        put(work / str(len(tried)), out)
    unused = [WORSE] if len(material.unlabelled) and not change.aligned else []
    return Adapted(final, tried, change.gains, (*material.given.warnings, *unused))


def _change(
    network: Network, spec: ModelSpec, wanted: Wanted, material: Material, progress: Progress
) -> Change:
    """Raises Refused if there are labels alone, and no task is better for them."""
    before = copy.deepcopy(network.state_dict())
    given, recipe = material.given, wanted.recipe
    aligned = _align(network, material, spec)
    gains: dict[str, Gain] = {}
    if given.tasks:
        progress("learns by halves", 0.0)
        told = (given.told, given.tasks, lambda some: material.batches(spec, recipe, some))
        gains = crossed(network, *told, recipe, spec.input_size, wanted.minutes / 2)
    tasks = tuple(task for task in given.tasks if task not in gains or gains[task].better)
    if not tasks and not aligned:
        raise Refused(
            f"expected frames that teach something, got {_no_better(gains)} on those that were held out; "
            "nothing is written",
            "look at the labels of the frames, or give more of them",
        )
    if tasks:
        told_of = material.batches(spec, recipe, given.told)
        network = fit(
            network, told_of, tasks, recipe, wanted.minutes / 2, lambda share: progress("learns", share)
        )
    alone = recipe.parts == "heads" and not aligned
    return Change(before, network, tasks if alone else (ALL,), gains, aligned)


def _align(network: Network, material: Material, spec: ModelSpec) -> bool:
    """Whether it was done: where frames are labelled, they decide by the mean of their tasks' scores."""
    if not len(material.unlabelled):
        return False
    made, told = copy.deepcopy(network), material.given.told
    align(made, material.unlabelled)
    before, after = (scores(own, told, spec.input_size) for own in (network, made)) if told else ({}, {})
    if sum(score for score, _ in after.values()) < sum(score for score, _ in before.values()):
        return False
    network.load_state_dict(made.state_dict())
    return True


def _no_better(gains: Mapping[str, Gain]) -> str:
    return ", ".join(
        f"{task} ({gain.what}) {100 * gain.before:.1f} to {100 * gain.after:.1f}"
        for task, gain in gains.items()
    )


def _tried(
    folder: Path,
    spec: ModelSpec,
    wanted: Wanted,
    material: Material,
    change: Change,
    was: Judged,
    work: Path,
    progress: Progress,
) -> list[Try]:
    """Bundles in folders 1, 2, ... of `work`; the last keeps the old domains. Raises Refused: none does."""
    told = ledger.of_bundle(folder) or ledger.unrecorded(folder.name)
    learnt, images = ledger.merged(told, rows(wanted, material.given)), material.calibrating()
    count = 0

    def attempt(shares: Mapping[str, float]) -> Judged:
        nonlocal count
        count += 1
        progress("is judged on the old domains", count / len(gate.SHARES))
        made = work / str(count)
        made.mkdir()
        write(folder, spec, mixed(change.before, change.network, shares), images, learnt, made)
        return _judged(made, spec, wanted)

    needs = {name: task.needs for name, task in spec.tasks.items()}
    return gate.largest(was, attempt, change.parts, needs, wanted.old or gate.RENDERED)


def _judged(folder: Path, spec: ModelSpec, wanted: Wanted) -> Judged:
    """On the old domains."""
    return gate.judged(folder, "int8" if "int8" in spec.files else "fp32", wanted.old or gate.RENDERED)


def _before(folder: Path, spec: ModelSpec, wanted: Wanted) -> Judged:
    """The bundle as it is. Raises DataError if the old data judge no task."""
    found = _judged(folder, spec, wanted)
    if not found:
        raise DataError(
            f"--old {' '.join(wanted.old)}: expected labels that judge a task, got none. Name labelled data, "
            "or leave --old out: rendered scenes judge then"
        )
    return found


def _facts(material: Material, change: Change, last: Try, old: Sequence[str]) -> dict[str, object]:
    return {
        "labelled": len(material.given.images),
        "unlabelled": len(material.unlabelled) if change.aligned else 0,
        "shares": dict(last.shares),
        "held_out": {task: asdict(gain) for task, gain in change.gains.items()},
        "old": list(old),
        "old_scores": {task: asdict(score) for task, score in last.scores.items()},
    }
