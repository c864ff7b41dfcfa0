"""A file for another device, computed on the CPU node by node as it is written, by onnxruntime.

With its optimiser off, onnxruntime computes a QuantizeLinear/DequantizeLinear pair as rounding and the layers
between in float32: the arithmetic that the file asks of TensorRT, up to the order of sums. So the accuracy of
an INT8 file for TensorRT is measured without a GPU. It is no fast way to run it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from perception.backends.ort import open_session, output_shape
from perception.bundle import Shape
from perception.convention import MEAN, SCALE
from perception.devices import available_threads
from perception.errors import BundleError
from perception.interfaces import Tensor
from perception.types import RawOutputs, Size


class SimulatedBackend:
    """One network file with a float32 (n, 3, h, w) input of normalised images, n fixed or free.

    Takes the camera's bytes, and `size`, as `OrtBackend` does. Raises BundleError if the file is not such a
    network or not the one the bundle describes.
    """

    device = "cpu"

    def __init__(
        self,
        path: str | Path,
        outputs: Sequence[str],
        threads: int | None = None,
        shapes: Mapping[str, Shape] | None = None,
        size: Size | None = None,
    ) -> None:
        self._session = open_session(Path(path), outputs, _options(threads), size)
        self._input, self._batch, self.input_size = _input(path, self._session)
        shapes = shapes or {}
        self._outputs = [*outputs]
        for name in outputs:
            output_shape(path, self._session, name, shapes.get(name))

    def __call__(self, tensor: Tensor) -> RawOutputs:
        """`tensor`: (n, h, w, 3) uint8, any n: it is computed in batches of the file's own size."""
        width, height = self.input_size
        if tensor.shape[1:] != (height, width, 3) or tensor.dtype != np.uint8:
            raise ValueError(f"expected uint8 (n, {height}, {width}, 3), got {tensor.dtype} {tensor.shape}")
        rows = [self._session.run(self._outputs, {self._input: part}) for part in self._parts(tensor)]
        whole = [np.concatenate(parts)[: len(tensor)] for parts in zip(*rows, strict=True)]
        return dict(zip(self._outputs, whole, strict=True))

    def close(self) -> None:
        pass

    def _parts(self, tensor: Tensor) -> Iterator[np.ndarray]:
        """Normalised NCHW batches; what is missing in the last is zero."""
        images = np.asarray(tensor).transpose(0, 3, 1, 2).astype(np.float32)
        images = (images - np.float32(MEAN)) / np.float32(SCALE)
        size = self._batch or max(1, len(images))
        for start in range(0, max(1, len(images)), size):
            part = images[start : start + size]
            yield np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), np.float32)])


def _options(threads: int | None) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or available_threads()
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _input(path: str | Path, session: ort.InferenceSession) -> tuple[str, int | None, Size]:
    """Name, batch (None: free) and (width, height) of the one input."""
    inputs = session.get_inputs()
    kinds = [(node.type, node.shape) for node in inputs]
    match kinds:
        case [("tensor(float)", [batch, 3, int(height), int(width)])]:
            return inputs[0].name, batch if isinstance(batch, int) else None, (width, height)
    raise BundleError(
        f"{path}: expected one input, float32 (n, 3, h, w), got {kinds}. Quantise the bundle again"
    )
