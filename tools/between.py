"""A bundle between two of one lineage: its weights are a weighted mean of theirs.

    python -m tools.between OLD NEW OUT [--share 0.7]

What a network learnt anew often costs it some of what it knew; between the weights before and after lies a
network that has most of both (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"). OUT has float
files only: `perception quantize` makes the others, or a short training goes on from it (`--set init=OUT`).
Its ledger and its licence are those of both together.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from deploy.build import LICENCES
from deploy.half import COPIED, FIRST
from perception import bundle
from perception.bundle import LEDGER, LEDGER_INFO, MAIN, ModelSpec
from perception.errors import BundleError
from perception.model.pretrained import HALF
from perception.model.specs import CROPS
from perception.outputs import write_whole
from perception.training import ledger
from perception.training.checkpoint import learnt_from

FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)


def between(old: Path, new: Path, out: Path, share: float) -> None:
    """Write to the folder `out` the bundle `new` with `share` of its weights and the rest of `old`'s.

    Raises BundleError if they are not of one network.
    """
    files, before = (bundle.read(folder).files["fp32"] for folder in (new, old))
    out.mkdir(parents=True, exist_ok=True)
    olds = {kind: onnx.load(str(old / before[kind])) for kind in files}
    news = {kind: onnx.load(str(new / name)) for kind, name in files.items()}
    scales = [front_scales(models) for models in (olds, news)]
    for kind in files:
        mix(olds[kind], news[kind], share)
    for pair, own, shared in zip(zip(*scales, strict=True), *front(news), strict=True):
        scale = (1 - share) * pair[0] + share * pair[1]
        put(own, scale[:, None, None, None] * numpy_helper.to_array(shared))
    for kind, name in files.items():
        onnx.save(news[kind], str(out / name))
    spec = bundle.read(new)
    spec = replace(spec, files={"fp32": files}, info={**spec.info, "metrics": {}, "parity": {}})
    finish(new, out, spec, ledger.merged(*(learnt_from(str(folder)) for folder in (old, new))))


def finish(new: Path, out: Path, spec: ModelSpec, rows: Sequence[ledger.Row]) -> None:
    """What stands beside the networks in `out`. The card of `new` only where it may be used as `new` may."""
    write_whole(out / LEDGER, ledger.to_csv(rows).encode())
    summary = ledger.summary(rows)
    before = bool(spec.info.get(LEDGER_INFO, {}).get("commercial"))
    card = new / "README.md"
    if card.is_file() and before == summary["commercial"]:
        shutil.copy(card, out / card.name)
    licence = LICENCES["open" if summary["commercial"] else "any"]
    bundle.write(out, replace(spec, info={**spec.info, LEDGER_INFO: summary, "licence": licence}))
    ledger.check_bundle(out)


def mix(old: onnx.ModelProto, new: onnx.ModelProto, share: float) -> None:
    """Make the weights of `new` the mean, each stored as it is there."""
    known = {
        tensor.name.removesuffix(HALF): numpy_helper.to_array(tensor) for tensor in old.graph.initializer
    }
    for tensor in new.graph.initializer:
        if tensor.data_type not in FLOATS:
            continue
        value, before = numpy_helper.to_array(tensor), known.get(tensor.name.removesuffix(HALF))
        if before is None or before.shape != value.shape:
            raise BundleError(
                f"expected two bundles of one network, got {tensor.name} {value.shape} in the new one alone"
            )
        put(tensor, share * value.astype(np.float64) + (1 - share) * before.astype(np.float64))


def put(tensor: onnx.TensorProto, value: np.ndarray) -> None:
    """Another value, stored as the old one."""
    kind = numpy_helper.to_array(tensor).dtype
    tensor.CopyFrom(numpy_helper.from_array(value.astype(kind), tensor.name))


def front(models: Mapping[str, onnx.ModelProto]) -> tuple[list[onnx.TensorProto], list[onnx.TensorProto]]:
    """Kernels of the sign network's first layers, and those of the frame network that they are copies of."""
    if CROPS not in models:
        return [], []
    own, shared = (
        [t for t in models[kind].graph.initializer if t.name.startswith(first) and ".weight" in t.name]
        for kind, first in ((CROPS, COPIED), (MAIN, FIRST))
    )
    return own, shared


def front_scales(models: Mapping[str, onnx.ModelProto]) -> list[np.ndarray]:
    """How the copies are scaled: of each layer (channels,)."""
    pairs = [map(numpy_helper.to_array, pair) for pair in zip(*front(models), strict=True)]
    return [(own * shared).sum((1, 2, 3)) / np.square(shared).sum((1, 2, 3)) for own, shared in pairs]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a bundle between two of one lineage.")
    for place in ("old", "new", "out"):
        parser.add_argument(place, type=Path)
    parser.add_argument("--share", type=float, default=0.7, help="of the new one's weights")
    given = parser.parse_args()
    between(given.old, given.new, given.out, given.share)
