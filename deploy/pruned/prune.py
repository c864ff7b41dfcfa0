"""Prune a bundle: choose channels, cut them out, take batch-norm statistics anew, train a little, export."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
STATISTICS = 64  # pictures that batch norms take their statistics from
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
AS_BEFORE = ("sources", "weights")  # of the bundle's own training
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


def prune(
    wanted: Wanted, bundle: Path | None, out: Path, progress: Progress = lambda what: None
) -> ModelSpec:
    """Write to the folder `out` the bundle with fewer channels.

    Raises DataError for what cannot be used; BundleError for a bundle without float weights, with added
    tasks, or whose tasks do not share one encoder and neck.
    """
    folder, shares = bundle or bundles.SHIPPED, shares_of(wanted.keep)
    if wanted.by not in BY:
        raise DataError(f"--by {wanted.by}: expected a rule of {', '.join(BY)}")
    keep_apart([out], [*wanted.data, folder])
    check_free(out)
    spec = bundles.read(folder)
    before = _readable(folder, spec)
    shape = before.frames.network.trunk.shape
    assert isinstance(shape, Shape)
    small = replace(shape, widths=widths_of(shape.widths, shares))
    config = _config(spec, small, wanted)
    progress("reads training pictures")
    network, looked = _looked(folder, spec, before, shape, config, wanted)
    progress(f"chooses channels by {wanted.by}")
    network = pruned(network, chosen(network, BY[wanted.by](looked), small.widths))
    align(network, looked.images, 0.0, looked.crops)
    with tempfile.TemporaryDirectory() as temporary:
        run, made = Path(temporary, "run"), Path(temporary, "made")
        run.mkdir()
        progress(f"trains for {wanted.steps} steps")
        _train(network, folder, sort(wanted.data)[0], run, config, wanted.steps)
        progress("calibrates INT8")
        exported = build(run / CHECKPOINT, wanted.data, made, name=f"{spec.name}-pruned")
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
    """Of the training: the bundle's classes, and its data and weights if it says which."""
    asked = [*GENTLE, f"seed={wanted.seed}", f"steps={max(1, wanted.steps)}", *wanted.settings]
    config = configure("full", asked)
    own = renamed(spec.info.get("training", {}))
    named = {setting.partition("=")[0].partition(".")[0] for setting in wanted.settings}
    kept: Mapping[str, Any] = {key: own[key] for key in AS_BEFORE if key in own and key not in named}
    return replace(
        of_vocabulary(config, Vocabulary.of_bundle(spec)),
        tasks=tuple(spec.tasks),
        shape={"widths": shape.widths, "depths": shape.depths, "neck": shape.neck},
        size=spec.input_size,
        data=(*config.data, *sort(wanted.data)[1]),
        licences=_licences(spec),
        **kept,
    )


def _licences(spec: ModelSpec) -> str:
    return "open" if spec.info.get(LEDGER_INFO, {}).get("commercial") else "any"


def _looked(
    folder: Path, spec: ModelSpec, before: Stored, shape: Shape, config: Config, wanted: Wanted
) -> tuple[Network, Looked]:
    """The network of the bundle with the statistics of training pictures, and what rules look at."""
    learnt = Learnt.named(wanted.data, Vocabulary.of_bundle(spec))
    images = frames.frames(learnt.pictures(config.licences), spec.input_size, STATISTICS, wanted.seed)
    crops = np.zeros((0, 64, 64, 3), np.uint8)
    if before.crops is not None:
        crops = frames.crops(learnt.signs(config.licences), CROPS * STATISTICS, wanted.seed)
    network = Network(config.tasks, "hard", Vocabulary.of_bundle(spec).by_task, shape)
    load_pretrained(network, folder, planes(images), planes(crops))
    return network.eval(), Looked(folder, before, network.eval(), images, crops, wanted.seed)


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
