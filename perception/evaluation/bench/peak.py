"""How fast this machine convolves in INT8 at best: the yardstick for a network's speed.

Chains of 3x3 convolutions, uint8 activations and int8 weights per channel, as QLinearConv: nothing but the
arithmetic, in shapes that suit the processor.
"""

from __future__ import annotations

import numpy as np
import onnxruntime as ort

from perception.evaluation.bench.onnx_bytes import ints, model, node, tensor, value

LAYERS = 4
SHAPES = ((256, 48, 80), (128, 48, 80))  # channels, height, width


class ConvChain:
    """`LAYERS` equal INT8 convolutions; a call runs them once."""

    def __init__(self, channels: int, height: int, width: int, threads: int = 1) -> None:
        self.name = f"{LAYERS} x 3x3 {channels} -> {channels} at {width} x {height}"
        self.operations = 2 * LAYERS * 9 * channels * channels * height * width
        self._session = ort.InferenceSession(
            chain(channels, height, width), _options(threads), providers=["CPUExecutionProvider"]
        )
        self._input = np.random.default_rng(0).integers(0, 200, (1, channels, height, width), np.uint8)

    def __call__(self) -> None:
        self._session.run(None, {"x0": self._input})


def chain(channels: int, height: int, width: int) -> bytes:
    """The ONNX model of a chain."""
    weights = np.random.default_rng(0).integers(-100, 100, (channels, channels, 3, 3), np.int8)
    constants = {
        "scale": np.float32(0.02),
        "zero": np.uint8(0),
        "weights": weights,
        "weight_scales": np.full(channels, 1e-3, np.float32),
        "weight_zeros": np.zeros(channels, np.int8),
        "bias": np.zeros(channels, np.int32),
    }
    same = "scale", "zero"
    nodes = [
        node(
            "QLinearConv",
            (f"x{i}", *same, "weights", "weight_scales", "weight_zeros", *same, "bias"),
            f"x{i + 1}",
            ints("kernel_shape", (3, 3)),
            ints("pads", (1, 1, 1, 1)),
        )
        for i in range(LAYERS)
    ]
    shape = (1, channels, height, width)
    tensors = [tensor(name, np.asarray(array)) for name, array in constants.items()]
    return model(nodes, tensors, value("x0", "uint8", shape), value(f"x{LAYERS}", "uint8", shape))


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only
    return options
