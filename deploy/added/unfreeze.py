"""A task is added with the whole network free; nothing is written if an old task falls too far.

First the network moves: it learns the task with a head of its own, and is held to what it said before
(`training.added.whole`). As much of that change as the old tasks allow becomes a bundle. Then the task is
added to this one as to any other, by a head on features that stand still.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from deploy.adapt import gate
from deploy.adapt.gate import Judged, Try
from deploy.adapt.material import letterboxed
from deploy.adapt.write import write
from deploy.added import add as adding
from deploy.added.add import Added, Plan, Wanted
from deploy.added.replay import Replay, gathered
from deploy.folder import check_free
from perception import bundle as bundles
from perception.errors import DataError, PerceptionError
from perception.labels.added import name_in
from perception.labels.labelled import spaced
from perception.labels.rows import read_image
from perception.model.network import Network
from perception.outputs import keep_apart
from perception.training import ledger
from perception.training.adapt.mixed import ALL, mixed
from perception.training.adapt.start import check, network_of
from perception.training.added import whole
from perception.training.added.fit import class_weights, fit

UNFROZEN = "unfrozen"  # in `info`: for which task, and what it cost
STATISTICS, CALIBRATED = 32, 64  # pictures of the old kind, and of each kind
REMEDY = (
    "add it without --unfreeze, which costs the old tasks nothing; or name more of the old data (--replay), "
    "or hold the old tasks more firmly: --set distil=4"
)
Progress = Callable[[str, float], None]  # what is done, and its share


@dataclass(frozen=True, eq=False)
class Unfrozen:
    added: Added
    tried: Sequence[Try]  # the last one is what the task was added to


def unfreeze(
    wanted: Wanted,
    bundle: Path | None,
    out: Path,
    old: Sequence[str] = (),
    progress: Progress = lambda what, share: None,
) -> Unfrozen:
    """Write to the folder `out` a bundle with the task, whose old part has moved for it.

    `old`: labelled data of the old tasks (`replay.gathered`), empty: rendered scenes. Nothing is written
    unless some share of the change keeps every old task within `gate.SLACK`: gate.Refused says which fell.
    Raises PerceptionError as `add` does.
    """
    folder = bundles.folder(bundle)
    keep_apart([out], [*wanted.data, *old, folder])
    check_free(out)
    check(bundles.read(folder), folder)
    plan = adding.planned(wanted, folder)
    _check_stride(plan)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        replay = gathered(old, plan.spec, folder, work / "scenes")
        progress("is judged on the old tasks", 0.0)
        was = _judged(folder, plan, replay)
        before, network = _learnt(folder, plan, replay, progress)
        attempt = _Attempt(folder, wanted, plan, replay, before, network, work, progress)
        needs = {name: task.needs for name, task in plan.spec.tasks.items()}
        tried = gate.largest(was, attempt, [ALL], needs, replay.judged, REMEDY)
        moved = work / str(len(tried))
        _tell(moved, wanted.name, tried[-1], replay)
        added = adding.add(wanted, moved, out, lambda done, total: progress("adds the task", done / total))
    return Unfrozen(added, tried)


def _check_stride(plan: Plan) -> None:
    """Raises PerceptionError: sign crops share the kernels of the first stages, so these learn nothing."""
    if plan.recipe.stride not in whole.LEVELS:
        raise PerceptionError(
            f"--unfreeze: expected a stride of {', '.join(map(str, whole.LEVELS))}, whose features learn, "
            f"got {plan.recipe.stride}",
            "--set stride=8, or leave --unfreeze out",
        )


def _learnt(
    folder: Path, plan: Plan, replay: Replay, progress: Progress
) -> tuple[Mapping[str, Tensor], Network]:
    """The weights before, and the network that has learnt; its head has first learnt on frozen features."""
    told, recipe, size = plan.told, plan.recipe, plan.spec.input_size
    statistics = np.stack(spaced([*replay.images], STATISTICS))
    network = network_of(folder, plan.spec, statistics)
    before = copy.deepcopy(network.state_dict())
    shown, features = adding.seen(folder, plan, lambda done, total: progress("features", done / total))
    start = replace(recipe, steps=-(-recipe.steps // 4))
    head = fit(told.kind, len(told.classes), shown, features, start)
    steps = whole.steps(plan.learnt, told.classes, replay.images, size, recipe)
    weight = class_weights(shown, len(told.classes))
    whole.fit(network, head, told.kind, steps, weight, recipe, lambda share: progress("learns", share))
    return before, network


def _judged(folder: Path, plan: Plan, replay: Replay) -> Judged:
    """The old tasks. Raises DataError if the data judge none of them."""
    found = gate.judged(folder, "int8" if "int8" in plan.spec.files else "fp32", replay.judged)
    if not found:
        raise DataError(
            f"--replay {' '.join(replay.judged)}: expected labels that judge an old task, got none. "
            "Name data with a part val"
        )
    return found


@dataclass
class _Attempt:
    """Makes bundles with shares of the change in folders 1, 2, ... of `work`, and judges them."""

    folder: Path
    wanted: Wanted
    plan: Plan
    replay: Replay
    before: Mapping[str, Tensor]
    network: Network
    work: Path
    progress: Progress
    count: int = 0

    def __call__(self, shares: Mapping[str, float]) -> Judged:
        self.count += 1
        self.progress("is judged on the old tasks", self.count / len(gate.SHARES))
        made = self.work / str(self.count)
        made.mkdir()
        told = ledger.of_bundle(self.folder) or ledger.unrecorded(self.folder.name)
        rows = ledger.merged(told, _rows(self.wanted, self.plan), self.replay.rows)
        images = _calibrating(self.plan, self.replay)
        write(self.folder, self.plan.spec, mixed(self.before, self.network, shares), images, rows, made)
        return _judged(made, self.plan, self.replay)


def _calibrating(plan: Plan, replay: Replay) -> np.ndarray:
    """(n, h, w, 3) images of the old kind and of the new one."""
    own = [read_image(example.image) for example in spaced(plan.learnt, CALIBRATED)]
    old = np.stack(spaced([*replay.images], CALIBRATED))
    return np.concatenate([old, letterboxed(own, plan.spec.input_size)])


def _rows(wanted: Wanted, plan: Plan) -> list[ledger.Row]:
    """The whole network has learnt from them, so they stay when the task is taken out again."""
    names = [name_in(example.image, wanted.data) for example in plan.learnt]
    return [ledger.Row(name, UNFROZEN, ledger.UNSAID, wanted.name, "") for name in names]


def _tell(moved: Path, name: str, last: Try, replay: Replay) -> None:
    spec = bundles.read(moved)
    facts = {
        "task": name,
        "share": last.shares[ALL],
        "replayed": len(replay.images),
        "old": list(replay.judged),
        "old_scores": {task: asdict(score) for task, score in last.scores.items()},
    }
    bundles.write(moved, replace(spec, info={**spec.info, UNFROZEN: facts}))
