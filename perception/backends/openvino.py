"""OpenVINO on the CPU.

What the file leaves in float is computed in float32: on a processor with bfloat16, OpenVINO would take that
by itself, and "fp32" would not be FP32. It does not round the sum of two branches to INT8, so the answers of
an INT8 file differ from onnxruntime's by a few codes.

Its Python package sends usage statistics over the network when it is imported, and asks nobody. Here it is
imported without the package that sends them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from perception.backends import kept
from perception.backends.onnx_cut import cut
from perception.backends.onnx_size import resized
from perception.backends.signature import input_size, output_shape
from perception.bundle import Shape
from perception.devices import available_threads, cuts_sums_off, processor
from perception.errors import BackendUnavailable, BundleError
from perception.interfaces import Tensor
from perception.types import RawOutputs, Size

TELEMETRY = "openvino_telemetry"  # a package of its own, which OpenVINO does without if it is not there


class OpenVinoBackend:
    """One network file, of which only `outputs` and what leads to them is computed; as `ort.OrtBackend`.

    The compiled network is kept in the user's cache: compiling takes longer than all the rest of a start.
    Raises BundleError if the file is not a network or not the one the bundle describes, BackendUnavailable if
    OpenVINO does not load.
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
        self._network = _compiled(Path(path), outputs, threads or available_threads(), size)
        self.input_size = input_size(path, [_signature(port) for port in self._network.inputs])
        shapes = shapes or {}
        self._outputs = {
            name: output_shape(path, name, *_signature(self._network.output(name)), shapes.get(name))
            for name in outputs
        }
        self._request = self._network.create_infer_request()
        self._arrays: dict[int, dict[str, np.ndarray]] = {}
        self._bound = 0  # the batch size whose arrays the request writes into

    def __call__(self, tensor: Tensor) -> RawOutputs:
        """`tensor`: (n, h, w, 3) uint8, contiguous."""
        width, height = self.input_size
        if tensor.shape[1:] != (height, width, 3) or tensor.dtype != np.uint8:
            raise ValueError(f"expected uint8 (n, {height}, {width}, 3), got {tensor.dtype} {tensor.shape}")
        arrays = self._bind(len(tensor))
        self._request.infer(tensor, share_inputs=True, share_outputs=True)
        return arrays

    def close(self) -> None:
        pass

    def _bind(self, n: int) -> dict[str, np.ndarray]:
        """The outputs for a batch of n, in arrays of ours that are kept."""
        if n not in self._arrays:
            self._arrays[n] = {
                name: np.empty((n, *shape), np.float32) for name, shape in self._outputs.items()
            }
        if n != self._bound:
            for name, array in self._arrays[n].items():
                self._request.set_tensor(name, load().Tensor(array, shared_memory=True))
            self._bound = n
        return self._arrays[n]


def load() -> Any:
    """The package `openvino`, which sends nothing from here. Raises BackendUnavailable."""
    try:
        with _without(TELEMETRY):
            import openvino
    except (ImportError, OSError) as error:
        raise BackendUnavailable(
            f"expected OpenVINO to load, got: {error}", "pip install 'perception[openvino]'"
        ) from error
    return openvino


@cache
def core() -> Any:
    """The one `openvino.Core` of this process, which stays until its end.

    A Core gives the thread that makes it a stack for signal handlers and unmaps that when it goes. Of two,
    the last to go puts the first one's back, which is gone: the next Ctrl-C would be a segmentation fault.
    """
    return load().Core()


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Inside, `package` cannot be imported, if it is not already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # documented: importing it fails
    try:
        yield
    finally:
        del sys.modules[package]


def _compiled(path: Path, outputs: Sequence[str], threads: int, size: Size | None) -> Any:
    """The part of a network file that leads to `outputs`, ready for images of `size`. Raises BundleError."""
    version = load().__version__
    try:
        model = cut(path.read_bytes(), outputs)
        model = model if size is None else resized(model, size)
    except OSError as error:
        raise BundleError(f"{path}: expected a network file, got {error.strerror}. Copy it again") from error
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from error
    try:
        return _kept(version, model, _settings(threads))
    except RuntimeError as error:  # its own errors have no other class
        reason = str(error).strip().splitlines()[-1]
        raise BundleError(
            f"{path}: expected a network that OpenVINO {version} can run, got {reason}. "
            "Export the bundle again, or take --runtime onnxruntime"
        ) from error


def _settings(threads: int) -> dict[str, Any]:
    settings = {
        "PERFORMANCE_HINT": "LATENCY",  # one request at a time, with all threads
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": False,  # the threads of two processes would share the same cores
    }
    if cuts_sums_off():  # compute what an INT8 file says in float32, which is slower and right
        settings["LP_TRANSFORMS_MODE"] = "NO"
    return settings


def _kept(version: str, model: bytes, settings: Mapping[str, Any]) -> Any:
    """The network as an earlier process compiled it here, or compiled now and kept for the next.

    Not by OpenVINO's own cache (CACHE_DIR): that runs a file in which bits are damaged.
    """
    identity = [version, processor(), settings, hashlib.sha256(model).hexdigest()]
    name = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]
    path = kept.folder("openvino") / f"{name}.blob"
    if blob := kept.read(path):
        return core().import_model(blob, "CPU", dict(settings))
    network = core().compile_model(core().read_model(model=model), "CPU", dict(settings))
    kept.write(path, network.export_model().getvalue())
    return network


def _signature(port: Any) -> tuple[str, Shape]:
    """Type and shape of an input or an output."""
    sizes = tuple(None if size.is_dynamic else size.get_length() for size in port.get_partial_shape())
    return str(np.dtype(port.get_element_type().to_dtype())), sizes
