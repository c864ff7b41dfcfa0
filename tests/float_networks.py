"""A small float network as `deploy.export` writes them: byte front, a sum with a resized side, one map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = (48, 32)  # (width, height)
WIDTH = 8  # channels
STEM, DEEP, SIDE, HEAD = "stem", "deep", "side", "head"


def float_network(path: Path, uneven: float = 1.0, batch: int | str = 1) -> Path:
    """Write it. The stem's channels grow from 1 / `uneven` to `uneven`; what reads them makes up for it."""
    rng = np.random.default_rng(0)
    spread = np.geomspace(1 / uneven, uneven, WIDTH).astype(np.float32)
    weights = {
        **_layer(rng, STEM, 3, WIDTH, 4, outward=spread),
        **_layer(rng, DEEP, WIDTH, WIDTH, 3, inward=1 / spread),
        **_layer(rng, SIDE, WIDTH, WIDTH, 1, inward=1 / spread),
        **_layer(rng, HEAD, WIDTH, 4, 1),
        "image.scale": np.array(1 / 58, np.float32),
        "image.zero": np.array(116, np.uint8),
        "twice": np.array([1, 1, 2, 2], np.float32),
    }
    height, width = SIZE[1], SIZE[0]
    graph = helper.make_graph(
        [
            helper.make_node("DequantizeLinear", ["image", "image.scale", "image.zero"], ["image.float"]),
            helper.make_node("Transpose", ["image.float"], ["image.normal"], perm=[0, 3, 1, 2]),
            *_conv_relu(STEM, "image.normal", "a", stride=4),
            *_conv_relu(DEEP, "a", "b", stride=2, padding=1),
            _conv(SIDE, "a", "side.out"),
            helper.make_node("Resize", ["b", "", "twice"], ["b.up"], "resize", mode="nearest"),
            helper.make_node("Add", ["side.out", "b.up"], ["sum"], "add"),
            helper.make_node("Relu", ["sum"], ["c"], "add.relu"),
            _conv(HEAD, "c", "lanes.map"),
        ],
        "small",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [batch, height, width, 3])],
        [helper.make_tensor_value_info("lanes.map", TensorProto.FLOAT, [batch, 4, height // 4, width // 4])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def _layer(
    rng: np.random.Generator,
    name: str,
    inputs: int,
    outputs: int,
    size: int,
    outward: np.ndarray | float = 1.0,
    inward: np.ndarray | float = 1.0,
) -> dict[str, np.ndarray]:
    weight = rng.normal(0, (inputs * size * size) ** -0.5, (outputs, inputs, size, size))
    weight *= np.reshape(np.broadcast_to(outward, outputs), (-1, 1, 1, 1))
    weight *= np.reshape(np.broadcast_to(inward, inputs), (1, -1, 1, 1))
    bias = rng.normal(0, 0.1, outputs) * outward
    return {f"{name}.w": weight.astype(np.float32), f"{name}.b": bias.astype(np.float32)}


def _conv(name: str, source: str, target: str, stride: int = 1, padding: int = 0) -> onnx.NodeProto:
    parts = [source, f"{name}.w", f"{name}.b"]
    return helper.make_node("Conv", parts, [target], name, strides=[stride] * 2, pads=[padding] * 4)


def _conv_relu(
    name: str, source: str, target: str, stride: int = 1, padding: int = 0
) -> list[onnx.NodeProto]:
    relu = helper.make_node("Relu", [f"{target}.linear"], [target], f"{name}.relu")
    return [_conv(name, source, f"{target}.linear", stride, padding), relu]
