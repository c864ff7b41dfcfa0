"""A bundle between two of one lineage: its weights are a weighted mean of theirs.

    python -m tools.between OLD NEW OUT [--share 0.7]

What a network learnt anew often costs it some of what it knew; between the weights before and after lies a
network that has most of both (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"). OUT has float
files only: `perception quantize` makes the others, or a short training goes on from it (`--set init=OUT`).
The first layers of the sign network, scaled copies of the frame network's, are mixed like all others and are
then only nearly such copies: a training that goes on reads signs within 2 % of OUT's largest logit.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from perception import bundle
from perception.errors import BundleError
from perception.model.thaw import HALF

FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)


def between(old: Path, new: Path, out: Path, share: float) -> None:
    """Write to the folder `out` the bundle `new` with `share` of its weights and the rest of `old`'s.

    Raises BundleError if they are not of one network.
    """
    files, before = (bundle.read(folder).files["fp32"] for folder in (new, old))
    out.mkdir(parents=True, exist_ok=True)
    for kind, name in files.items():
        mixed = mean(onnx.load(str(old / before[kind])), onnx.load(str(new / name)), share)
        onnx.save(mixed, str(out / name))
    for beside in (bundle.LEDGER, "README.md"):
        if (new / beside).is_file():
            shutil.copy(new / beside, out / beside)
    spec = bundle.read(new)
    bundle.write(out, replace(spec, files={"fp32": files}, info={**spec.info, "metrics": {}, "parity": {}}))


def mean(old: onnx.ModelProto, new: onnx.ModelProto, share: float) -> onnx.ModelProto:
    """`new` with the mean weights, each stored as `new` stores it."""
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
        mixed = share * value.astype(np.float64) + (1 - share) * before.astype(np.float64)
        tensor.CopyFrom(numpy_helper.from_array(mixed.astype(value.dtype), tensor.name))
    return new


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a bundle between two of one lineage.")
    for place in ("old", "new", "out"):
        parser.add_argument(place, type=Path)
    parser.add_argument("--share", type=float, default=0.7, help="of the new one's weights")
    given = parser.parse_args()
    between(given.old, given.new, given.out, given.share)
