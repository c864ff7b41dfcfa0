"""The fake TensorRT in this process and in those it starts; small networks; a device that is host memory."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from perception.kernels.device import DeviceArray

FAKE = Path(__file__).parent / "fake_tensorrt"
SHAPE = (1, 3, 8, 12)  # of the networks' input
OUTPUTS = ("lanes.map", "drivable.map")


@contextmanager
def fake_tensorrt(version: str = "10.3.0", fault: str = "", **settings: str) -> Iterator[object]:
    """`import tensorrt` gives the fake one, of `version` and with `fault`; here and in subprocesses."""
    path = os.pathsep.join([str(FAKE), *filter(None, [os.environ.get("PYTHONPATH")])])
    settings |= {"FAKE_TENSORRT_VERSION": version, "FAKE_TENSORRT_FAULT": fault, "PYTHONPATH": path}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(FAKE))
        outer = sys.modules.pop("tensorrt", None)
        try:
            yield importlib.import_module("tensorrt")
        finally:
            sys.modules.pop("tensorrt", None)
            if outer:
                sys.modules["tensorrt"] = outer


class HostMemory:
    """A Device without kernels: what is done is done at once."""

    name, capability, integrated, stream = "host", (8, 7), True, 0

    def __init__(self) -> None:
        self._blocks: list[np.ndarray] = []

    def allocate(self, shape, dtype):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        block = np.full(size + 256, 0xAB, np.uint8)
        self._blocks.append(block)
        return DeviceArray((block.ctypes.data + 255) // 256 * 256, tuple(shape), np.dtype(dtype))

    def pinned(self, shape, dtype):
        return np.empty(shape, dtype)

    def upload(self, target, source):
        self._view(target)[...] = source

    def download(self, target, source):
        target[...] = self._view(source)

    def synchronize(self):
        pass

    def close(self):
        self._blocks.clear()

    def _view(self, array):
        block = next(b for b in self._blocks if 0 <= array.pointer - b.ctypes.data < len(b))
        begin = array.pointer - block.ctypes.data
        return block[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape)


def network(path: Path, shape=SHAPE, fault: str = "", seed: int = 0) -> Path:
    """Q/DQ network: a convolution, and one more for each of OUTPUTS.

    `fault`: what TensorRT refuses: "int32 bias", "zero point", "computed scale".
    """
    zero = 3 if fault == "zero point" else 0
    graph = helper.make_graph(
        [
            *_qdq("image", "x", "image.scale"),
            *_conv("encoder", "x", "hidden", fault),
            helper.make_node("Relu", ["hidden"], ["features"], "relu"),
            *_qdq("features", "y", "features.scale"),
            *(node for name in OUTPUTS for node in _conv(name, "y", name, "")),
        ],
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [shape[0], 4, *shape[2:]])
            for name in OUTPUTS
        ],
        [
            numpy_helper.from_array(np.float32(0.02), "image.scale"),
            numpy_helper.from_array(np.float32(0.05), "features.scale"),
            numpy_helper.from_array(np.int8(zero), "zero"),
            *_weights("encoder", 3, fault, seed),
            *(weight for name in OUTPUTS for weight in _weights(name, 4, "", seed)),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


def _qdq(source: str, target: str, scale: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("QuantizeLinear", [source, scale, "zero"], [f"{target}.q"], f"{target}.quantise"),
        helper.make_node("DequantizeLinear", [f"{target}.q", scale, "zero"], [target], f"{target}.float"),
    ]


def _conv(name: str, source: str, target: str, fault: str) -> list[onnx.NodeProto]:
    scale, bias, zero, axis = f"{name}.w.scale", f"{name}.b", f"{name}.w.zero", {"axis": 0}
    nodes = []
    if fault == "computed scale":  # as exporters of networks in training write it
        top, steps, weight = f"{name}.w.top", f"{name}.w.steps", f"{name}.w.float"
        nodes += [
            helper.make_node("Abs", [weight], [f"{name}.w.abs"]),
            helper.make_node(
                "ReduceMax", [f"{name}.w.abs"], [top], f"{name}.top", axes=[1, 2, 3], keepdims=0
            ),
            helper.make_node("Div", [top, steps], [scale], f"{name}.scale"),
            helper.make_node(
                "QuantizeLinear", [weight, scale, zero], [f"{name}.w.q"], f"{name}.round", **axis
            ),
        ]
    rounded = [f"{name}.w.q", scale, zero]
    nodes.append(helper.make_node("DequantizeLinear", rounded, [f"{name}.w"], f"{name}.weights", **axis))
    if fault == "int32 bias":
        whole = [f"{bias}.q", f"{bias}.scale"]
        nodes.append(helper.make_node("DequantizeLinear", whole, [bias], f"{bias}.float"))
    return [*nodes, helper.make_node("Conv", [source, f"{name}.w", bias], [target], name, pads=[1] * 4)]


def _weights(name: str, channels: int, fault: str, seed: int) -> list[onnx.TensorProto]:
    codes = np.random.default_rng([seed, len(name)]).integers(-127, 128, (4, channels, 3, 3)).astype(np.int8)
    tensors = {f"{name}.w.zero": np.zeros(4, np.int8)}
    if fault == "computed scale":
        tensors[f"{name}.w.float"] = codes.astype(np.float32) * np.float32(0.5 / 127)
        tensors[f"{name}.w.steps"] = np.float32(127)
    else:
        tensors[f"{name}.w.q"] = codes
        tensors[f"{name}.w.scale"] = np.full(4, 0.5 / 127, np.float32)
    if fault == "int32 bias":
        tensors |= {f"{name}.b.q": np.arange(4, dtype=np.int32), f"{name}.b.scale": np.float32(0.01)}
    else:
        tensors[f"{name}.b"] = np.arange(4, dtype=np.float32) / 100
    return [numpy_helper.from_array(value, key) for key, value in tensors.items()]
