"""What `Trainer.save` has written, read again: weights, classes and the ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from perception import bundle
from perception.errors import DataError
from perception.labels.vocabulary import Vocabulary
from perception.model.network import Network
from perception.model.pretrained import by_class, common
from perception.model.shape import Shape
from perception.model.stored import shape_in
from perception.tasks.heads import HEADS
from perception.training import ledger
from perception.training.classes import vocabulary
from perception.training.config import Config
from perception.training.ledger import Row

CHECKPOINT, BEST = "checkpoint.pt", "best.pt"  # the last weights of a run, and the best on val
KEPT = ("network", "ema", "optimizer", "step", "config")  # in a checkpoint


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """A checkpoint of `Trainer.save`. Raises DataError if it cannot be read; never unpickles code."""
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        missing = [name for name in KEPT if name not in state]
    except (OSError, RuntimeError, ValueError, EOFError, TypeError, UnpicklingError) as error:
        raise DataError(f"{path}: expected a checkpoint of this project: {error}") from error
    if missing:
        raise DataError(f"{path}: expected a checkpoint of this project, but it has no {', '.join(missing)}")
    return state


def weights_at(init: str) -> Path:
    """A checkpoint, or the folder of a bundle that is named, "shipped" being the default one."""
    return Path(init) if Path(init).is_file() else bundle.folder(None if init == "shipped" else init)


def learnt_from(weights: str) -> list[Row]:
    """The ledger of what `init` names.

    Without one: a row that says so. Raises DataError or BundleError if it cannot be read.
    """
    path = weights_at(weights)
    rows = recorded(path) if path.is_file() else ledger.of_bundle(path)
    return rows or ledger.unrecorded(path.name)


def recorded(checkpoint: Path) -> list[Row]:
    """Its ledger; empty: it has none. Raises DataError."""
    text = load_checkpoint(checkpoint).get("ledger", "")
    return ledger.parse(text, str(checkpoint)) if text else []


def load_network(path: Path) -> Network:
    """The averaged network of a checkpoint, in evaluation mode."""
    state = load_checkpoint(path)
    config = json.loads(state["config"])
    network = Network(config["tasks"], config["sharing"], vocabulary_of(state).by_task, shape_of(state))
    network.load_state_dict(state["ema"])
    return network.eval()


def shape_at(init: Path) -> Shape:
    """The shape of a checkpoint's or a bundle's network. Raises DataError or BundleError."""
    return shape_of(load_checkpoint(init)) if init.is_file() else shape_in(init)


def shape_of(state: Mapping[str, Any]) -> Shape:
    """The shape of a checkpoint; up to version 0.7 there was one only."""
    return Shape.of(json.loads(state["config"]).get("shape", {}))


def vocabulary_of(state: Mapping[str, Any]) -> Vocabulary:
    """The classes of a checkpoint, and what its data sets called them."""
    config = json.loads(state["config"])
    known = {f.name for f in fields(Config)} & set(config)
    return vocabulary(replace(Config(), **{name: config[name] for name in known}))


def weights_of(run: Path) -> Path:
    """Of a run's folder: the best on val, if there are any, else the last. Raises DataError."""
    found = next((run / name for name in (BEST, CHECKPOINT) if (run / name).is_file()), None)
    if found is None:
        raise DataError(f"{run}: expected a run with {CHECKPOINT}, got a folder without. Check the path")
    return found


def told(path: Path) -> str:
    """Which weights of a run `path` holds."""
    step, last = load_checkpoint(path)["step"], path.with_name(CHECKPOINT)
    if path.name != BEST or not last.is_file():
        return f"{path}: the weights of step {step}"
    steps = load_checkpoint(last)["step"]
    return f"{path}: the best weights on val, of step {step} of {steps}; {last.name} has the last ones"


def fitted(state: Mapping[str, Any], network: Network) -> Mapping[str, Tensor]:
    """The averaged weights of a checkpoint, for `network`, which keeps its own where the checkpoint has none.

    So begin classes and tasks that are new, and what a way to share adds behind the neck. A task's own neck
    or encoder begins as a copy of a shared one. Raises DataError if the shape is another, or the shared
    weights do not fit.
    """
    if (before := shape_of(state)) != (shape := network.trunk.shape):
        raise DataError(
            f"init: expected weights of a network of {shape}, got those of {before}. Train with its shape: "
            f"--set 'shape={json.dumps(asdict(before))}'; or begin without init"
        )
    theirs = by_class(network, state["ema"], vocabulary_of(state).by_task)
    own = network.state_dict()
    source = {name: name if name in theirs else common(name) for name in own}
    found = {name: theirs.get(source[name], value) for name, value in own.items()}
    known = {*map(_part, theirs), "trunk.encoder", "trunk.neck"}  # of others the network keeps its own
    strange = [name for name in own if source[name] not in theirs and _part(name) in known]
    strange += [name for name in set(theirs) - set(source.values()) if not _of_other(name, network)]
    strange += [name for name, value in own.items() if found[name].shape != value.shape]
    trunk = [name for name in own if name.startswith("trunk.")]
    strange += [] if any(source[name] in theirs for name in trunk) else trunk  # nothing of it would be taken
    if strange:
        config = json.loads(state["config"])
        sharing, tasks = config["sharing"], ", ".join(config["tasks"])
        raise DataError(
            f"init: expected weights that fit this way to share, got those of sharing={sharing}, which "
            f"differ in {min(strange)}. Train with sharing={sharing} and its tasks, "
            f"{tasks}, or begin without init"
        )
    return found


def _part(name: str) -> str:
    """A head, or what a trunk has once, or once a task.

    >>> _part("heads.lanes.map.weight"), _part("trunk.neck.fuse.0"), _part("trunk.necks.lanes.fuse.0")
    ('heads.lanes', 'trunk.neck', 'trunk.necks.lanes')
    """
    parts = name.split(".")
    return ".".join(parts[: 3 if any(part in HEADS for part in parts[2:3]) else 2])


def _of_other(name: str, network: Network) -> bool:
    """Is this weight one of a task that `network` lacks?"""
    task = _part(name).rpartition(".")[2]
    return task in HEADS and task not in network.heads
