"""Prune a bundle: choose channels, cut them out, take batch-norm statistics anew, train a little, export."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from calibration.int8 import frames
from deploy.build import build
from deploy.folder import check_free, put
from deploy.learnt import Learnt
from deploy.pruned.card import write_card
from deploy.pruned.choose import BY, CROPS, Looked, chosen, shares_of, widths_of
from perception import bundle as bundles
from perception.bundle import LEDGER_INFO, ModelSpec
from perception.errors import BundleError, DataError
from perception.labels.vocabulary import Vocabulary
from perception.model.network import Network
from perception.model.pretrained import load_pretrained
from perception.model.pruned import pruned
from perception.model.shape import Shape
from perception.model.stored import Stored, stored
from perception.outputs import keep_apart
from perception.training import ledger
from perception.training.adapt.align import align
from perception.training.adapt.start import planes
from perception.training.checkpoint import CHECKPOINT
from perception.training.classes import of_vocabulary
from perception.training.config import Config, configure, renamed
from perception.training.data.foreign import sort
from perception.training.loop import Trainer
from perception.training.optimise import Ema

PRUNED = "pruned"  # in `info`: of what, and how
PICTURES = 64
STEPS = 300  # of training
GENTLE = (  # for weights that are nearly right: pictures as in use, a low rate
    "batch=4",
    "crops=12",
    "lr=0.0003",
    "weight_decay=0.003",
    "ema=0.99",
    "finish=1.0",
    "sizes={}",
    "rendered=64",
    "minutes=15",
    "threads=1",
    "workers=0",
)
Progress = Callable[[str], None]  # what is done now


@dataclass(frozen=True)
class Wanted:
    """What a user asks for."""

    data: Sequence[str]  # to learn from, named as for `perception train`
    keep: str = "0.85"  # share of the channels, or of each stage
    by: str = "importance"  # of BY
    steps: int = STEPS  # 0: no training
    seed: int = 0
    settings: Sequence[str] = ()  # of the training
    pictures: int = PICTURES  # to choose by, and to take statistics from
    calibrated: int = frames.COUNT  # pictures to calibrate INT8 on


def prune(
    wanted: Wanted, bundle: Path | None, out: Path, progress: Progress = lambda what: None
) -> ModelSpec:
    """Write to the folder `out` the bundle with fewer channels.

    Raises DataError for what cannot be used; BundleError for a bundle without float weights, with added
    tasks, or whose tasks do not share one encoder and neck.
    """
    folder, shares = bundles.folder(bundle), shares_of(wanted.keep)
    if wanted.by not in BY:
        raise DataError(f"--by {wanted.by}: expected a rule of {', '.join(BY)}")
    keep_apart([out], [*wanted.data, folder])
    check_free(out)
    spec = bundles.read(folder)
    progress("reads training pictures")
    looked = looked_at(folder, spec, wanted)
    shape = looked.network.trunk.shape
    small = replace(shape, widths=widths_of(shape.widths, shares))
    config = _config(spec, small, wanted)
    progress(f"chooses channels by {wanted.by}")
    network = pruned(looked.network, chosen(looked.network, BY[wanted.by](looked), small.widths))
    align(network, looked.images, 0.0, looked.crops)
    with tempfile.TemporaryDirectory() as temporary:
        run, made = Path(temporary, "run"), Path(temporary, "made")
        run.mkdir()
        progress(f"trains for {wanted.steps} steps")
        _train(network, folder, sort(wanted.data)[0], run, config, wanted.steps)
        progress("calibrates INT8")
        exported = build(run / CHECKPOINT, wanted.data, made, wanted.calibrated, f"{spec.name}-pruned")
        facts = {
            "from": f"{spec.name} {spec.version}",
            "widths_before": list(shape.widths),
            "widths": list(small.widths),
            "by": wanted.by,
            "steps": wanted.steps,
            "seed": wanted.seed,
        }
        write_card(made, replace(exported, tasks=spec.tasks, info={**exported.info, PRUNED: facts}), spec)
        put(made, out)
    return bundles.read(out)


def _readable(folder: Path, spec: ModelSpec) -> Stored:
    """Its float network. Raises BundleError for one that cannot be pruned."""
    if added := [name for name, task in spec.tasks.items() if task.kind]:
        raise BundleError(
            f"{folder}: expected a bundle without added tasks, got {', '.join(added)}, whose head reads "
            f"features that would change; prune first, and add it again: perception remove-task {added[0]}"
        )
    found = stored(folder)
    if found.sharing != "hard":
        raise BundleError(
            f"{folder}: expected a bundle whose tasks share one encoder and neck (sharing=hard), got "
            f"{found.sharing}; train a smaller one: perception train --set 'shape=...'"
        )
    return found


def _config(spec: ModelSpec, shape: Shape, wanted: Wanted) -> Config:
    """Of the training: the classes of the bundle, and what it says of its own training."""
    own = [f"licences={_licences(spec)}", f"seed={wanted.seed}", f"steps={max(1, wanted.steps)}"]
    config = configure("full", [*GENTLE, *_as_before(spec), *own, *wanted.settings])
    return replace(
        of_vocabulary(config, Vocabulary.of_bundle(spec)),
        tasks=tuple(spec.tasks),
        shape=asdict(shape),
        size=spec.input_size,
        data=(*config.data, *sort(wanted.data)[1]),
    )


def _as_before(spec: ModelSpec) -> list[str]:
    """Settings: the weights of the tasks, and the shares of data sets that everybody knows."""
    told = renamed(spec.info.get("training", {}))
    weights = [f"weights.{task}={weight}" for task, weight in told.get("weights", {}).items()]
    known = Config().sources
    return weights + [f"sources.{k}={share}" for k, share in told.get("sources", {}).items() if k in known]


def _licences(spec: ModelSpec) -> str:
    return "open" if spec.info.get(LEDGER_INFO, {}).get("commercial") else "any"


def looked_at(folder: Path, spec: ModelSpec, wanted: Wanted) -> Looked:
    """The network of a bundle with the statistics of training pictures, and what rules look at.

    Raises BundleError for a bundle that cannot be pruned, DataError.
    """
    before, words = _readable(folder, spec), Vocabulary.of_bundle(spec)
    learnt, licences = Learnt.named(wanted.data, words), _licences(spec)
    images = frames.frames(learnt.pictures(licences), spec.input_size, wanted.pictures, wanted.seed)
    crops = np.zeros((0, 64, 64, 3), np.uint8)
    if before.crops is not None:
        crops = frames.crops(learnt.signs(licences), CROPS * wanted.pictures, wanted.seed)
    shape = before.frames.network.trunk.shape
    assert isinstance(shape, Shape)
    network = Network(tuple(spec.tasks), "hard", words.by_task, shape)
    load_pretrained(network, folder, planes(images), planes(crops))
    return Looked(folder, before, network.eval(), images, crops, wanted.seed)


def _train(network: Network, folder: Path, data: Path | None, run: Path, config: Config, steps: int) -> None:
    """Leave a checkpoint in `run`: of `network` as it is, or after so many steps."""
    trainer = Trainer(data, run, config)
    trainer.network.load_state_dict(network.state_dict())
    trainer.ema = Ema(trainer.network, config.ema)
    trainer.ledger = ledger.of_bundle(folder) or ledger.unrecorded(folder.name)
    if steps:
        trainer.run()
    else:
        trainer.save()
