"""TensorRT on a CUDA device: one path for 8.6 to 11.x. Nothing but this file imports `tensorrt`.

Precision is in the network (explicit Q/DQ, FP16 types), shapes are fixed, tensors are set by address and
`execute_async_v3` enqueues: these are the calls that all these versions share. What only some of them have
stands in `VERSIONED`, which the tests compare with the real bindings.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from perception.errors import BackendUnavailable, BundleError, FrameError
from perception.kernels.device import Device, DeviceArray

log = logging.getLogger(__name__)

OLDEST, NEWEST = (8, 6), 11  # the first release and the last major one that this is written for
ALIGNMENT = 256  # bytes: what NvInferRuntime.h asks of an address given to setTensorAddress
# Name -> (first, last) of the versions that have it; None: up to the newest.
VERSIONED: dict[str, tuple[str, str | None]] = {
    "NetworkDefinitionCreationFlag.EXPLICIT_BATCH": ("8.6", "10"),  # 10: ignored; all networks are
    "NetworkDefinitionCreationFlag.STRONGLY_TYPED": ("10.0", None),  # 11: ignored; all networks are
    "BuilderFlag.INT8": ("8.6", "10"),
    "BuilderFlag.FP16": ("8.6", "10"),
    "IProgressMonitor": ("10.0", None),
    "IBuilderConfig.progress_monitor": ("10.0", None),
}
TYPES: dict[str, Any] = {  # `trt.nptype` raises for types that numpy lacks, and differs between versions
    "FLOAT": np.float32,
    "HALF": np.float16,
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT32": np.int32,
    "INT64": np.int64,
    "BOOL": np.bool_,
}
LEVELS = {
    "INTERNAL_ERROR": logging.ERROR,
    "ERROR": logging.ERROR,
    "WARNING": logging.WARNING,
    "INFO": logging.DEBUG,  # hundreds of lines a build
    "VERBOSE": logging.DEBUG,
}
MISSING = {  # a library that `import tensorrt` did not find -> what to do
    "libnvdla_compiler": "it is part of L4T up to R36: `apt install nvidia-l4t-dla-compiler`. "
    "L4T R39 has none: use the TensorRT of that JetPack, not one of an older container",
    "libnvinfer": "install TensorRT's libraries: `apt install tensorrt` on a Jetson, `pip install tensorrt` "
    "elsewhere",
    "libcudnn": "TensorRT 8 needs cuDNN 8: `apt install libcudnn8`",
}


class Signature(NamedTuple):
    """What a tensor of an engine is."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def load() -> Any:
    """The module `tensorrt`. Raises BackendUnavailable if it is missing, incomplete or of another version.

    Importing it is safe anywhere. Its `Runtime` and `Builder` are not: without a CUDA driver they may
    end the process with a segmentation fault. Make a `Device`, or ask `perception.driver.look`, first.
    """
    try:
        import tensorrt as trt
    except (ImportError, OSError) as error:
        raise BackendUnavailable(
            f"expected TensorRT {OLDEST[0]}.{OLDEST[1]} to {NEWEST}.x, got {error}", _remedy(str(error))
        ) from error
    version = tuple(int(part) for part in trt.__version__.split(".")[:2])
    if not OLDEST <= version < (NEWEST + 1, 0):
        raise BackendUnavailable(
            f"expected TensorRT {OLDEST[0]}.{OLDEST[1]} to {NEWEST}.x, got {trt.__version__}",
            "install one of these, or run on the CPU",
        )
    return trt


def _remedy(fault: str) -> str:
    for library, remedy in MISSING.items():
        if library in fault:
            return remedy
    return (
        "on a Jetson `apt install python3-libnvinfer` and make the virtual environment with "
        "--system-site-packages; elsewhere `pip install tensorrt`"
    )


def installed() -> str:
    """Version of TensorRT, and name and size of its library: a package may be replaced under one version."""
    trt = load()
    lines = Path("/proc/self/maps").read_text().splitlines()
    loaded = {Path(line.split(maxsplit=5)[-1]) for line in lines if "libnvinfer.so" in line}
    files = sorted(path for path in loaded if path.is_file())
    return " ".join([trt.__version__, *(f"{path.name}:{path.stat().st_size}" for path in files)])


def named(trt: Any, name: str) -> Any | None:
    """`trt.<name>` where this TensorRT has it, else None. For the names of VERSIONED, and no others."""
    if name not in VERSIONED:
        raise KeyError(f"expected a name of VERSIONED, got {name}")
    value = trt
    for part in name.split("."):
        value = getattr(value, part, None)
    return value


def logger(trt: Any, faults: deque[str]) -> Any:
    """TensorRT's logger: its lines go to `logging`, and its errors to `faults` as well."""

    class Forward(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)  # pybind11 wants it called by name

        def log(self, severity: Any, msg: str) -> None:
            level = LEVELS.get(severity.name, logging.WARNING)
            log.log(level, "TensorRT: %s", msg)
            if level >= logging.ERROR:
                faults.append(msg)

    return Forward()


class TrtRunner:
    """An engine on `device`, whose driver and context therefore exist; use it in the thread of `device`.

    `inputs` and `outputs`: name to shape and dtype. Every one is given memory by `bind`, once; `run` then
    enqueues on the device's stream and returns at once. Nothing is copied and nothing waited for here.
    `dla_core`: which DLA core runs the DLA part of an engine built for it.

    Raises BackendUnavailable if there is no usable TensorRT or not enough memory, BundleError if the engine
    is damaged, of another TensorRT or device, or has shapes that are not fixed.
    """

    def __init__(self, engine: Path | bytes, device: Device, dla_core: int | None = None) -> None:
        trt = load()
        self._name = str(engine) if isinstance(engine, Path) else "the engine"
        self._stream = device.stream
        self._faults: deque[str] = deque(maxlen=3)
        self._logger = logger(trt, self._faults)  # TensorRT keeps no reference that Python would count
        self._runtime = trt.Runtime(self._logger)
        if dla_core is not None:
            self._runtime.DLA_core = dla_core
        self._engine = self._deserialise(trt, _bytes(engine), device)
        self.inputs, self.outputs = self._signatures(trt)
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise BackendUnavailable(
                f"{self._name}: expected memory for one execution context on {device.name}, got "
                f"{self._said()}",
                "free device memory or build the engine with a smaller --workspace",
            )
        self._unbound = {*self.inputs, *self.outputs}
        self._bound: dict[str, DeviceArray] = {}

    def bind(self, name: str, array: DeviceArray) -> None:
        """Where tensor `name` is, from now on. Raises ValueError if `array` is not what the tensor is."""
        expected = self.inputs.get(name) or self.outputs.get(name)
        if expected is None:
            raise ValueError(f"expected one of {[*self.inputs, *self.outputs]}, got {name!r}")
        if (array.shape, array.dtype) != expected:
            raise ValueError(
                f"{name}: expected {expected.dtype} {expected.shape}, got {array.dtype} {array.shape}"
            )
        if array.pointer % ALIGNMENT:
            raise ValueError(
                f"{name}: expected an address that is a multiple of {ALIGNMENT}, got {array.pointer:#x}"
            )
        if not self._context.set_tensor_address(name, array.pointer):
            raise ValueError(f"{name}: expected memory that TensorRT takes, got {self._said()}")
        self._bound[name] = array
        self._unbound.discard(name)

    def run(self) -> None:
        """Enqueue one pass. Raises FrameError if TensorRT refuses; faults on the way show at the next
        `synchronize` of the device."""
        if self._unbound:
            raise ValueError(f"expected every tensor bound before run, got none for {sorted(self._unbound)}")
        if not self._context.execute_async_v3(self._stream):
            raise FrameError(
                f"{self._name}: expected TensorRT to take the frame, got {self._said()}. If it takes none, "
                "run `perception doctor`"
            )

    def close(self) -> None:
        """Free what TensorRT holds, in the order that it asks for: context, engine, runtime."""
        self._context = self._engine = self._runtime = None

    def _deserialise(self, trt: Any, data: bytes, device: Device) -> Any:
        engine = self._runtime.deserialize_cuda_engine(data)
        if engine is None:
            major, minor = device.capability
            raise BundleError(
                f"{self._name}: expected an engine of TensorRT {trt.__version__} for {device.name} "
                f"(compute capability {major}.{minor}), got {self._said()}; build it on this device: "
                "`perception engine`"
            )
        return engine

    def _signatures(self, trt: Any) -> tuple[Mapping[str, Signature], Mapping[str, Signature]]:
        """Inputs and outputs, checked."""
        engine, inputs, outputs = self._engine, dict[str, Signature](), dict[str, Signature]()
        for index in range(engine.num_io_tensors):
            name = engine.get_tensor_name(index)
            shape, dtype = tuple(engine.get_tensor_shape(name)), engine.get_tensor_dtype(name).name
            if min(shape, default=0) < 0 or dtype not in TYPES:
                raise BundleError(
                    f"{self._name}: expected tensors of fixed shape and of a type that numpy has, got {name} "
                    f"{dtype} {shape}; build the engine with `perception engine`"
                )
            mode = engine.get_tensor_mode(name)
            side = inputs if mode == trt.TensorIOMode.INPUT else outputs
            side[name] = Signature(shape, np.dtype(TYPES[dtype]))
        return inputs, outputs

    def _said(self) -> str:
        """TensorRT's last errors."""
        said = " | ".join(self._faults) or "no reason from TensorRT"
        self._faults.clear()
        return said


def _bytes(engine: Path | bytes) -> bytes:
    if isinstance(engine, bytes):
        return engine
    try:
        return engine.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{engine}: expected a TensorRT engine, got {error.strerror}; build it: `perception engine`"
        ) from error
