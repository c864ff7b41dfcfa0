"""A stand-in for TensorRT: the names of a real version, an engine that is the network itself, onnxruntime.

Put `tests/gpu/fake_tensorrt` on the path. What it is comes from the environment:

    FAKE_TENSORRT_VERSION  one of tests/gpu/tensorrt_api.json (10.3.0): it has the names of that version only
    FAKE_TENSORRT_FAULT    `driver`: Builder and Runtime end the process as the real ones do without a driver;
                           `parse`, `build`: refused; `slow`: a build takes a minute; `wrong`: engines compute
                           something else; `memory`: no execution context; `run`: no frame is taken
    FAKE_TENSORRT_DLA      number of DLA cores; else what the version supports

"Device" memory is host memory. Work goes into the stream of the `libcuda.so.1` that is loaded
(`cuLaunchHostFunc`), in order with its copies and kernels; with none it is done at once. An engine tells in
its header how it was built. What the stand-in refuses is what the real one refuses: precision flags on a
strongly typed network, Q/DQ on a weakly typed one without the INT8 flag, plans of another version.
"""

from __future__ import annotations

import ctypes
import enum
import json
import os
import signal
import sys
import time
from collections import deque
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime as ort

API = json.loads((Path(__file__).parents[2] / "tensorrt_api.json").read_text())
__version__ = os.environ.get("FAKE_TENSORRT_VERSION", "10.3.0")
FAULT = os.environ.get("FAKE_TENSORRT_FAULT", "")
_place = API["versions"].index(__version__)
_names = {name.partition("(")[0] for name, here in API["names"].items() if here[_place] == "1"}
_major = int(__version__.split(".")[0])
MAGIC = b"FAKEPLAN\n"
KINDS = {
    "tensor(float)": ("FLOAT", np.float32),
    "tensor(float16)": ("HALF", np.float16),
    "tensor(int8)": ("INT8", np.int8),
    "tensor(uint8)": ("UINT8", np.uint8),
    "tensor(int32)": ("INT32", np.int32),
    "tensor(int64)": ("INT64", np.int64),
    "tensor(bool)": ("BOOL", np.bool_),
}


def _enum(name, members):
    """An enumeration with those members that this version has."""
    return enum.IntEnum(name, [m for m in members.split() if f"{name}.{m}" in _names], start=0)


NetworkDefinitionCreationFlag = _enum("NetworkDefinitionCreationFlag", "EXPLICIT_BATCH STRONGLY_TYPED")
BuilderFlag = _enum("BuilderFlag", "FP16 INT8 GPU_FALLBACK")
DeviceType = _enum("DeviceType", "GPU DLA")
MemoryPoolType = _enum("MemoryPoolType", "WORKSPACE DLA_MANAGED_SRAM")
TensorIOMode = _enum("TensorIOMode", "NONE INPUT OUTPUT")
DataType = _enum("DataType", "FLOAT HALF INT8 INT32 BOOL UINT8 INT64")


class _Strict:
    """Like a class of pybind11: no attributes but those it was given."""

    def __setattr__(self, name, value):
        if not name.startswith("_") and not hasattr(type(self), name):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        object.__setattr__(self, name, value)


def _field(name, default=None):
    def get(self):
        return self.__dict__.get("_" + name, default)

    return property(get, lambda self, value: self.__dict__.__setitem__("_" + name, value))


class ILogger:
    Severity = enum.IntEnum("Severity", "INTERNAL_ERROR ERROR WARNING INFO VERBOSE", start=0)

    def __init__(self):
        self._ready = True

    def log(self, severity, msg):
        raise NotImplementedError


class IProgressMonitor:
    def __init__(self):
        self._ready = True

    def phase_start(self, phase_name, parent_phase, num_steps): ...
    def step_complete(self, phase_name, step): ...
    def phase_finish(self, phase_name): ...


def _wake(logger):
    assert logger._ready, "ILogger.__init__ was not called"
    if FAULT == "driver":
        os.kill(os.getpid(), signal.SIGSEGV)
    return logger


class IHostMemory(bytes):
    @property
    def nbytes(self):
        return len(self)


class ITimingCache(_Strict):
    def __init__(self, data):
        self._data = data

    def serialize(self):
        return IHostMemory(self._data or f"timing of {__version__}".encode())


class IBuilderConfig(_Strict):
    default_device_type = _field("device", DeviceType.GPU)
    DLA_core = _field("core", -1)
    progress_monitor = _field("monitor")

    def __init__(self):
        self._flags, self._pools, self._timing = set(), {}, None

    def set_flag(self, flag):
        self._flags.add(BuilderFlag(flag).name)

    def set_memory_pool_limit(self, pool, pool_size):
        self._pools[MemoryPoolType(pool).name] = pool_size

    def create_timing_cache(self, serialized_timing_cache):
        return ITimingCache(bytes(serialized_timing_cache))

    def set_timing_cache(self, cache, ignore_mismatch):
        """Refused if it is of another version and that matters."""
        if cache._data and not ignore_mismatch and not cache._data.endswith(__version__.encode()):
            return False
        self._timing = cache
        return True


class ITensor(_Strict):
    name = _field("name")
    shape = _field("shape")

    def __init__(self, name, shape):
        self.name, self.shape = name, shape


class INetworkDefinition(_Strict):
    def __init__(self, flags):
        self._flags = [flag.name for flag in NetworkDefinitionCreationFlag if flags >> int(flag) & 1]
        self._strong = _major >= 11 or "STRONGLY_TYPED" in self._flags
        self._model, self._inputs = b"", []

    @property
    def num_inputs(self):
        return len(self._inputs)

    def get_input(self, index):
        return self._inputs[index]


class ParserError(_Strict):
    def __init__(self, text):
        self._text = text

    def desc(self):
        return self._text


class OnnxParser(_Strict):
    def __init__(self, network, logger):
        self._network, self._logger, self._errors = network, _wake(logger), []

    @property
    def num_errors(self):
        return len(self._errors)

    def get_error(self, index):
        return self._errors[index]

    def parse(self, model, path=None):
        try:
            inputs = _session(model).get_inputs() if FAULT != "parse" else _refuse("no importer for Fault")
        except Exception as error:
            self._errors.append(ParserError(str(error)))
            return False
        sizes = [[size if isinstance(size, int) else -1 for size in node.shape] for node in inputs]
        self._network._model = bytes(model)
        self._network._inputs = [ITensor(node.name, tuple(s)) for node, s in zip(inputs, sizes, strict=True)]
        return True


def _refuse(text):
    raise ValueError(text)


def _session(model):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # arithmetic as written
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    return ort.InferenceSession(bytes(model), options, providers=["CPUExecutionProvider"])


class Builder(_Strict):
    def __init__(self, logger):
        self._logger = _wake(logger)

    @property
    def num_DLA_cores(self):
        version = tuple(int(part) for part in __version__.split(".")[:2])
        return int(os.environ.get("FAKE_TENSORRT_DLA", 2 if version <= (10, 7) or version >= (11, 4) else 0))

    def create_network(self, flags=0):
        return INetworkDefinition(flags)

    def create_builder_config(self):
        return IBuilderConfig()

    def build_serialized_network(self, network, config):
        fault = self._fault(network, config)
        if fault or not self._progress(config):
            self._logger.log(ILogger.Severity.ERROR, fault or "cancelled")
            return None
        if FAULT == "slow":
            time.sleep(60)
        return IHostMemory(MAGIC + json.dumps(_header(network, config)).encode() + b"\n" + network._model)

    def _fault(self, network, config):
        quantised, precisions = b"QuantizeLinear" in network._model, config._flags & {"INT8", "FP16"}
        if FAULT == "build":
            return "Could not find any implementation for node Conv_0"
        if _major < 10 and "EXPLICIT_BATCH" not in network._flags:
            return "Network must be created with explicit batch"
        if network._strong and precisions:
            return f"{precisions} must not be set on a strongly typed network"
        if quantised and not network._strong and "INT8" not in precisions:
            return "Q/DQ layers need the INT8 flag"
        return "the input's shape is not fixed" if any(min(t.shape) < 0 for t in network._inputs) else ""

    def _progress(self, config):
        monitor = config.__dict__.get("_monitor")
        if monitor is None:
            return True
        assert monitor._ready, "IProgressMonitor.__init__ was not called"
        monitor.phase_start("Building", None, 3)
        steps = [monitor.step_complete("Building", step) for step in range(3)]
        monitor.phase_finish("Building")
        return all(steps)


def _header(network, config):
    """How it was built, and every tensor with its shape, found by one run."""
    session = _session(network._model)
    kinds = {node.name: KINDS[node.type] for node in [*session.get_inputs(), *session.get_outputs()]}
    feed = {t.name: np.zeros(t.shape, kinds[t.name][1]) for t in network._inputs}
    outputs = [node.name for node in session.get_outputs()]
    values = feed | dict(zip(outputs, session.run(outputs, feed), strict=True))
    return {
        "version": __version__,
        "tensors": [[name, kinds[name][0], value.shape] for name, value in values.items()],
        "inputs": len(feed),
        "network": network._flags,
        "flags": sorted(config._flags),
        "pools": config._pools,
        "dla": config.DLA_core if config.default_device_type == DeviceType.DLA else None,
        "timing": (config._timing._data or b"").decode() if config._timing else None,
    }


class Runtime(_Strict):
    DLA_core = _field("core", -1)

    def __init__(self, logger):
        self._logger = _wake(logger)

    def deserialize_cuda_engine(self, serialized_engine):
        magic, text, model = [*bytes(serialized_engine).split(b"\n", 2), b"", b""][:3]
        try:
            header = json.loads(text) if magic + b"\n" == MAGIC else _refuse("magic tag does not match")
            if header["version"] != __version__:
                _refuse(f"the engine is of version {header['version']}, expecting {__version__}")
            if header["dla"] not in (None, self.DLA_core):  # the real one would take core 0
                _refuse(f"the engine is for DLA core {header['dla']}, not {self.DLA_core}")
            return ICudaEngine(header, _session(model))
        except Exception as error:
            self._logger.log(ILogger.Severity.ERROR, f"Serialization error: {error}")
            return None


class ICudaEngine(_Strict):
    def __init__(self, header, session):
        self._tensors = {name: (kind, tuple(shape)) for name, kind, shape in header["tensors"]}
        self._inputs = list(self._tensors)[: header["inputs"]]
        self._session = session

    @property
    def num_io_tensors(self):
        return len(self._tensors)

    def get_tensor_name(self, index):
        return list(self._tensors)[index]

    def get_tensor_mode(self, name):
        return TensorIOMode.INPUT if name in self._inputs else TensorIOMode.OUTPUT

    def get_tensor_shape(self, name):
        return self._tensors[name][1]

    def get_tensor_dtype(self, name):
        return DataType[self._tensors[name][0]]

    def create_execution_context(self):
        return None if FAULT == "memory" else IExecutionContext(self)


class IExecutionContext(_Strict):
    def __init__(self, engine):
        self._engine, self._addresses = engine, {}

    def set_tensor_address(self, name, memory):
        if name not in self._engine._tensors or memory % 256:
            return False
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle):
        if FAULT == "run" or set(self._addresses) != set(self._engine._tensors):
            return False
        engine, addresses = self._engine, dict(self._addresses)
        _enqueue(stream_handle, lambda: _execute(engine, addresses))
        return True


def _execute(engine, addresses):
    views = {name: _view(addresses[name], *engine._tensors[name]) for name in engine._tensors}
    feed = {name: views[name].copy() for name in engine._inputs}
    outputs = [name for name in views if name not in feed]
    try:
        values = engine._session.run(outputs, feed)
    except Exception as error:
        print(f"fake TensorRT: {error}", file=sys.stderr)
        values = [np.full(views[name].shape, np.nan) for name in outputs]
    for name, value in zip(outputs, values, strict=True):
        views[name][...] = value + 1 if FAULT == "wrong" else value


def _view(address, kind, shape):
    dtype = np.dtype(dict(KINDS.values())[kind])
    size = int(np.prod(shape)) * dtype.itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype).reshape(shape)


_HostFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_waiting = {}  # functions in a stream, kept alive until they have run
_done = deque(maxlen=64)  # and a little longer: a function must not free the code that it runs in


def _enqueue(stream, function):
    if "libcuda.so" not in Path("/proc/self/maps").read_text():
        function()
        return
    cuda = ctypes.CDLL("libcuda.so.1")
    cuda.cuLaunchHostFunc.argtypes = [ctypes.c_void_p, _HostFunction, ctypes.c_void_p]

    def run(key):
        function()
        _done.append(_waiting.pop(key))

    key = max(_waiting, default=0) + 1
    _waiting[key] = _HostFunction(run)
    with _primary_context(cuda):
        _checked(cuda.cuLaunchHostFunc(stream, _waiting[key], key))


@contextmanager
def _primary_context(cuda):
    """Current in this thread, as the CUDA runtime, with which TensorRT works, makes it."""
    context = ctypes.c_void_p()
    _checked(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0))
    _checked(cuda.cuCtxPushCurrent_v2(context))
    try:
        yield
    finally:
        _checked(cuda.cuCtxPopCurrent_v2(ctypes.byref(context)))
        _checked(cuda.cuDevicePrimaryCtxRelease_v2(0))


def _checked(status):
    if status:
        raise RuntimeError(f"the CUDA driver says {status}")


def _trim():
    """Take away what this version does not have."""
    for name, owner in list(globals().items()):
        if not isinstance(owner, type) or owner.__module__ != __name__ or name.startswith("_"):
            continue
        if name not in _names:
            del globals()[name]
            continue
        for member in list(vars(owner)):
            if not member.startswith("_") and f"{name}.{member}" not in _names:
                if issubclass(owner, enum.Enum):
                    continue  # made with the names of this version
                delattr(owner, member)


_trim()
