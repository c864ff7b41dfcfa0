"""What the rounding of one layer costs each output of the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from calibration.int8.equalise import equalised
from calibration.int8.graph import Graph, inner_network
from calibration.int8.observers import runs
from calibration.int8.pairs import with_pairs
from calibration.int8.plan import plan
from calibration.int8.scales import Scales


@dataclass(frozen=True)
class Cost:
    """`noise`: output -> signal to noise in dB with only this layer in 8 bits, its input and its weights.

    Under the name ALL: with every layer in 8 bits.
    """

    layer: str
    noise: Mapping[str, float]

    @property
    def worst(self) -> float:
        return min(self.noise.values())


ALL = "all layers"


def costs(path: Path, scales: Scales, images: np.ndarray) -> Iterator[Cost]:
    """The cost of all layers together, then of each alone, in the order of the network.

    int8 with zero at 0, as TensorRT rounds, and computed as written, on `images` (n, h, w, 3) uint8.
    An output that a layer does not reach is left out. Raises BundleError if `scales` are not those of the
    float network `path`.
    """
    scales.check(path)
    model = equalised(inner_network(path), scales.factors)
    graph = Graph(model)
    chosen = plan(graph, scales.left)
    truth = list(runs(model, graph.outputs, images))
    inputs = {node.name: node.input[0] for node in graph.nodes}
    steps = {ALL: (chosen.layers, chosen.trt)} | {n: ((n,), (inputs[n],)) for n in chosen.layers}
    for name, (layers, tensors) in steps.items():
        codes = {tensor: scales.signed(graph.origin(tensor)) for tensor in tensors}
        rounded = with_pairs(model, codes, layers)
        yield Cost(name, _noise(truth, rounded, graph.outputs, images))


def _noise(
    truth: Sequence[Mapping[str, np.ndarray]],
    rounded: onnx.ModelProto,
    outputs: Sequence[str],
    images: np.ndarray,
) -> dict[str, float]:
    seen = list(runs(rounded, outputs, images, simulated=True))
    pairs = {name: ([t[name] for t in truth], [s[name] for s in seen]) for name in outputs}
    noise = {name: signal_to_noise(np.stack(t), np.stack(s)) for name, (t, s) in pairs.items()}
    return {name: value for name, value in noise.items() if value < UNTOUCHED}


UNTOUCHED = 100.0  # dB: sums in another order, no rounding


def signal_to_noise(truth: np.ndarray, seen: np.ndarray) -> float:
    """10 log10(var(truth) / mean((truth - seen)^2)), in dB."""
    noise = float(np.mean((truth - seen) ** 2)) + 1e-12
    return 10 * float(np.log10(max(float(truth.var()), 1e-12) / noise))
