"""onnxruntime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from perception.backends import signature
from perception.backends.onnx_cut import cut
from perception.backends.onnx_size import resized
from perception.bundle import Shape
from perception.devices import available_threads, cuts_sums_off
from perception.errors import BundleError
from perception.interfaces import Tensor
from perception.types import RawOutputs, Size


class OrtBackend:
    """One network file, of which only `outputs` and what leads to them is computed.

    Outputs are written into arrays that are kept for each batch size: nothing is allocated per frame.
    `shapes` are those the outputs must have, where the bundle tells. `profile`: a path prefix; onnxruntime
    writes the time of every node there when the backend is closed. `size`: (width, height) of the images it
    is to take; None: what the file declares.

    Raises BundleError if the file is not a network or not the one the bundle describes.
    """

    device = "cpu"

    def __init__(
        self,
        path: str | Path,
        outputs: Sequence[str],
        threads: int | None = None,
        shapes: Mapping[str, Shape] | None = None,
        profile: str | Path | None = None,
        size: Size | None = None,
    ) -> None:
        self._session = open_session(Path(path), outputs, _options(threads, profile), size)
        self._input, self.input_size = _input(path, self._session)
        shapes = shapes or {}
        self._outputs = {name: output_shape(path, self._session, name, shapes.get(name)) for name in outputs}
        self._bound: dict[int, tuple[ort.IOBinding, dict[str, np.ndarray]]] = {}

    def __call__(self, tensor: Tensor) -> RawOutputs:
        """`tensor`: (n, h, w, 3) uint8, contiguous."""
        width, height = self.input_size
        if tensor.shape[1:] != (height, width, 3) or tensor.dtype != np.uint8:
            raise ValueError(f"expected uint8 (n, {height}, {width}, 3), got {tensor.dtype} {tensor.shape}")
        binding, arrays = self._binding(len(tensor))
        binding.bind_cpu_input(self._input, tensor)
        self._session.run_with_iobinding(binding)
        return arrays

    def close(self) -> None:
        if self._session.get_session_options().enable_profiling:
            self._session.end_profiling()

    def _binding(self, n: int) -> tuple[ort.IOBinding, dict[str, np.ndarray]]:
        """The outputs for a batch of n, bound to arrays of ours."""
        if n not in self._bound:
            binding = self._session.io_binding()
            arrays = {name: np.empty((n, *shape), np.float32) for name, shape in self._outputs.items()}
            for name, array in arrays.items():
                binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
            self._bound[n] = binding, arrays
        return self._bound[n]


def _options(threads: int | None, profile: str | Path | None) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or available_threads()
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3  # errors only: its warnings speak of things a user cannot change
    # Spinning workers burn the core that decoding and drawing need, and two threads become slower than
    # one as soon as a neighbour holds a core. With one thread there is nothing to spin.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    exact_integers(options)
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    return options


def exact_integers(options: ort.SessionOptions) -> None:
    """Have INT8 computed exactly where the fastest way cuts sums off, for some speed.

    The outputs of the shipped network would lie 23 to 32 dB from what its file says.
    """
    if cuts_sums_off():
        options.add_session_config_entry("session.x64quantprecision", "1")


def open_session(
    path: Path, outputs: Sequence[str], options: ort.SessionOptions, size: Size | None = None
) -> ort.InferenceSession:
    """The part of a network file that leads to `outputs`, for images of `size`. Raises BundleError."""
    try:
        model = cut(path.read_bytes(), outputs)
        model = model if size is None else resized(model, size)
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise BundleError(f"{path}: expected a network file, got {error.strerror}. Copy it again") from error
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from error
    except Exception as error:  # onnxruntime's own errors have no common class but this
        raise BundleError(
            f"{path}: expected a network that onnxruntime {ort.__version__} can run, got {error}. "
            "Export the bundle again"
        ) from error


def _input(path: str | Path, session: ort.InferenceSession) -> tuple[str, Size]:
    """Name and (width, height) of the one input, which must be (n, h, w, 3) uint8."""
    inputs = session.get_inputs()
    return inputs[0].name, signature.input_size(path, [_signature(node) for node in inputs])


def output_shape(
    path: str | Path, session: ort.InferenceSession, name: str, expected: Shape | None
) -> tuple[int, ...]:
    """The shape of an output without its batch axis, checked."""
    node = next(node for node in session.get_outputs() if node.name == name)
    return signature.output_shape(path, name, *_signature(node), expected)


def _signature(node: ort.NodeArg) -> tuple[str, Shape]:
    """Type and shape of an input or an output."""
    kind = node.type.removeprefix("tensor(").removesuffix(")")
    sizes = tuple(size if isinstance(size, int) else None for size in node.shape)
    return {"float": "float32"}.get(kind, kind), sizes
