"""A camera's noise as a part of a network, to see what it does to the answers."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import helper

from perception.convention import SCALE


def with_noise(path: Path, levels: float, seed: int) -> None:
    """Let an exported float network add normal noise to its image, in place.

    `levels`: its standard deviation in grey levels. Every image gets noise of its own; `seed` fixes the row.
    """
    model = onnx.load(str(path))
    first = model.graph.node[0]  # from bytes to numbers
    clean, noise, noisy = first.output[0], "noise", f"{first.output[0]}.noisy"
    for node in model.graph.node:
        node.input[:] = [noisy if name == clean else name for name in node.input]
    made = helper.make_node("RandomNormalLike", [clean], [noise], scale=levels / SCALE, seed=float(seed))
    nodes = [first, made, helper.make_node("Add", [clean, noise], [noisy]), *model.graph.node[1:]]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, str(path))
