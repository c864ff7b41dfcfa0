"""One block of a network as an INT8 ONNX file of its own, with the nodes that an exported network has.

Bytes go in and come out with the channels last, as they lie in memory between two blocks of a whole network:
onnxruntime drops the transposes and one integer convolution is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from perception.convention import MEAN, SCALE

OPSET, IR_VERSION = 17, 9
KERNELS = {"stem": 4, "block": 3, "down": 3, "lateral": 1, "last": 1}  # of convolutions
JOINS = ("add", "join")  # of two inputs; a join doubles the size of its second one
ACTIVE = ("stem", "block")  # kinds that end in a ReLU
TO_LAST, TO_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]
ASYMMETRIC = {"coordinate_transformation_mode": "asymmetric"}
STEP = 0.02  # of the bytes that go in


class Block(NamedTuple):
    """A convolution or a sum and what belongs to it. `height` and `width` are those of its first input."""

    kind: str  # of KERNELS or JOINS
    inputs: int
    outputs: int
    stride: int
    height: int
    width: int

    @property
    def given(self) -> dict[str, tuple[int, int, int, int]]:
        """Input -> shape of its bytes: 1, height, width, channels."""
        first = {"image": (1, self.height, self.width, self.inputs)}
        if self.kind not in JOINS:
            return first
        half = 2 if self.kind == "join" else 1
        return first | {"other": (1, self.height // half, self.width // half, self.inputs)}


def model(block: Block) -> bytes:
    """The ONNX file: uint8 activations, int8 weights with a scale for each channel, int32 biases."""
    nodes = _sum(block) if block.kind in JOINS else [*_front(block), *_convolution(block)]
    if block.kind == "last":  # heads give float32, channels first
        nodes.append(_node("DequantizeLinear", ["y", "y.scale", "zero"], "out"))
    else:
        nodes.append(_node("Transpose", ["y"], "out", perm=TO_LAST))
    kind = TensorProto.FLOAT if block.kind == "last" else TensorProto.UINT8
    constants = {**_scales(), **({} if block.kind in JOINS else _weights(block))}
    graph = helper.make_graph(
        nodes,
        "block",
        [helper.make_tensor_value_info(name, TensorProto.UINT8, own) for name, own in block.given.items()],
        [helper.make_tensor_value_info("out", kind, [None] * 4)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION).SerializeToString()


def _front(block: Block) -> list[onnx.NodeProto]:
    """From the camera's bytes, or another block's, to real numbers."""
    if block.kind != "stem":
        return _real("image", "x")
    byte = ["byte.scale", "byte.zero"]
    return [
        _node("DequantizeLinear", ["image", *byte], "float"),
        _node("Transpose", ["float"], "first", perm=TO_FIRST),
        _node("QuantizeLinear", ["first", *byte], "x"),
        _node("DequantizeLinear", ["x", *byte], "x.real"),
    ]


def _real(given: str, name: str) -> list[onnx.NodeProto]:
    return [
        _node("Transpose", [given], name, perm=TO_FIRST),
        _node("DequantizeLinear", [name, "x.scale", "zero"], f"{name}.real"),
    ]


def _sum(block: Block) -> list[onnx.NodeProto]:
    other = "z.real"
    resized = []
    if block.kind == "join":
        other = "wide.real"
        resized = [
            _node(
                "Resize", ["z.real", "", "twice"], "big", mode="nearest", nearest_mode="floor", **ASYMMETRIC
            ),
            _node("QuantizeLinear", ["big", "x.scale", "zero"], "wide"),
            _node("DequantizeLinear", ["wide", "x.scale", "zero"], other),
        ]
    return [
        *_real("image", "x"),
        *_real("other", "z"),
        *resized,
        _node("Add", ["x.real", other], "sum"),
        _node("QuantizeLinear", ["sum", "y.scale", "zero"], "y"),
    ]


def _convolution(block: Block) -> list[onnx.NodeProto]:
    size = KERNELS[block.kind]
    pad = 0 if block.kind == "stem" else size // 2
    active = block.kind in ACTIVE
    found = [
        _node("DequantizeLinear", ["w", "w.scale", "w.zero"], "w.real", axis=0),
        _node("DequantizeLinear", ["b", "b.scale", "b.zero"], "b.real", axis=0),
        _node(
            "Conv",
            ["x.real", "w.real", "b.real"],
            "sum",
            kernel_shape=[size, size],
            strides=[block.stride] * 2,
            pads=[pad] * 4,
        ),
    ]
    found += [_node("Relu", ["sum"], "active")] if active else []
    return [*found, _node("QuantizeLinear", ["active" if active else "sum", "y.scale", "zero"], "y")]


def _scales() -> dict[str, np.ndarray]:
    return {
        "zero": np.array(0, np.uint8),
        "byte.scale": np.array(1 / SCALE, np.float32),
        "byte.zero": np.array(MEAN, np.uint8),
        "x.scale": np.array(STEP, np.float32),
        "y.scale": np.array(2 * STEP, np.float32),
        "twice": np.array([1, 1, 2, 2], np.float32),
    }


def _weights(block: Block) -> dict[str, np.ndarray]:
    size, outputs = KERNELS[block.kind], block.outputs
    scale = np.full(outputs, 1e-3, np.float32)
    before = np.float32(1 / SCALE if block.kind == "stem" else STEP)
    shape = (outputs, block.inputs, size, size)
    return {
        "w": np.random.default_rng(0).integers(-100, 100, shape, np.int8),
        "w.scale": scale,
        "w.zero": np.zeros(outputs, np.int8),
        "b": np.zeros(outputs, np.int32),
        "b.scale": scale * before,
        "b.zero": np.zeros(outputs, np.int32),
    }


def _node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, [output], **attributes)
