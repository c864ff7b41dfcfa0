"""`Device` on a CUDA device, with pycuda.

Everything is done in the device's primary context, which TensorRT uses too. It is current in the calling
thread for the length of a call, so any thread may use the device; pycuda aborts the process when a thread
ends with a current context. CUDA graphs are not used: pycuda cannot capture them.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from perception.errors import BackendUnavailable, FrameError
from perception.kernels import compile
from perception.kernels.device import DeviceArray

NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: not in step with the null stream, which others may use
REBUILD = "build pycuda again: pip install --force-reinstall --no-cache-dir --no-binary pycuda pycuda"
SCALARS = frozenset("bBhHiIlLqQfd")  # numpy's characters of what pycuda can pack


@dataclass
class Held:
    """What a device has to give back."""

    context: Any
    stream: Any
    allocations: list[Any] = field(default_factory=list)
    pinned: list[np.ndarray] = field(default_factory=list)
    in_copies: list[np.ndarray] = field(default_factory=list)  # since the last synchronise
    modules: dict[str, Any] = field(default_factory=dict)
    functions: dict[tuple[str, str], Any] = field(default_factory=dict)


class CudaDevice:
    """The device of number `ordinal`, and the kernels of the folder `kernels`.

    Raises BackendUnavailable if pycuda, the driver or the device is missing, and when a kernel is launched
    whose file cannot be compiled.

    Close it, or let it go: then its memory is given back, also at the end of the program. Arrays of `pinned`
    and `frame_buffer` stay valid as long as something refers to them, `DeviceArray`s do not.
    """

    def __init__(self, ordinal: int = 0, kernels: Path = compile.SOURCES) -> None:
        self._kernels = kernels
        self._cuda = driver()
        try:
            device = self._cuda.Device(ordinal)
            context = primary_context(ordinal)
            with current(context):
                stream = self._cuda.Stream(NON_BLOCKING)
        except self._cuda.Error as error:
            raise BackendUnavailable(
                f"expected CUDA device {ordinal}, got: {error}",
                "nvidia-smi shows which there are and who has their memory",
            ) from error
        attribute = self._cuda.device_attribute
        self.name: str = device.name()
        self.capability: tuple[int, int] = device.compute_capability()
        self.integrated = bool(device.get_attribute(attribute.INTEGRATED))
        self._maps_host = bool(device.get_attribute(attribute.CAN_MAP_HOST_MEMORY))
        self.stream: int = stream.handle
        self._views: dict[int, int] = {}  # the device's address of host memory -> the host's
        self._lock = Lock()
        self._held = Held(context, stream)
        self._release = weakref.finalize(self, release, self._held)

    def allocate(self, shape: Sequence[int], dtype: Any) -> DeviceArray:
        array = DeviceArray(0, tuple(shape), np.dtype(dtype))
        with self._memory(array.nbytes, "device memory"):
            allocation = self._cuda.mem_alloc(array.nbytes)
        self._held.allocations.append(allocation)
        return DeviceArray(int(allocation), array.shape, array.dtype)

    def pinned(self, shape: Sequence[int], dtype: Any) -> np.ndarray:
        return self._host(shape, dtype, 0)

    def frame_buffer(self, shape: Sequence[int], dtype: Any) -> tuple[np.ndarray, DeviceArray]:
        if not (self.integrated and self._maps_host):
            return self.pinned(shape, dtype), self.allocate(shape, dtype)
        host = self._host(shape, dtype, self._cuda.host_alloc_flags.DEVICEMAP)
        allocation: Any = host.base
        with self._working():
            pointer = int(allocation.get_device_pointer())
        self._views[pointer] = host.ctypes.data
        return host, DeviceArray(pointer, tuple(shape), np.dtype(dtype))

    def upload(self, target: DeviceArray, source: np.ndarray) -> None:
        check_copy(source, target)
        if self._views.get(target.pointer) == source.ctypes.data:
            return  # one memory: it is there already
        with self._working():
            self._cuda.memcpy_htod_async(target.pointer, source, self._held.stream)
            self._held.in_copies.append(source)

    def download(self, target: np.ndarray, source: DeviceArray) -> None:
        check_copy(target, source)
        with self._working():
            self._cuda.memcpy_dtoh_async(target, source.pointer, self._held.stream)
            self._held.in_copies.append(target)

    def fill(self, target: DeviceArray, byte: int) -> None:
        with self._working():
            self._cuda.memset_d8_async(target.pointer, byte, target.nbytes, self._held.stream)

    def launch(
        self, source: str, kernel: str, grid: Sequence[int], block: Sequence[int], *arguments: Any
    ) -> None:
        values = [parameter(argument) for argument in arguments]
        blocks, size = threads(grid), threads(block)
        with self._working():
            function = self._function(source, kernel)
            function(*values, grid=blocks, block=size, stream=self._held.stream)

    def synchronize(self) -> None:
        with self._working():
            # Another thread may begin more while this one waits: those go into the new list.
            finished, self._held.in_copies = self._held.in_copies, []
            self._held.stream.synchronize()
            finished.clear()

    def close(self) -> None:
        """Wait for the stream and give everything back. Again: nothing."""
        self._release()

    def _host(self, shape: Sequence[int], dtype: Any, flags: int) -> np.ndarray:
        array = DeviceArray(0, tuple(shape), np.dtype(dtype))
        with self._memory(array.nbytes, "page-locked host memory"):
            host = self._cuda.pagelocked_empty(array.shape, array.dtype, mem_flags=flags)
        self._held.pinned.append(host)
        return host

    def _function(self, source: str, kernel: str) -> Any:
        with self._lock:
            functions, modules = self._held.functions, self._held.modules
            if source not in modules:
                modules[source] = self._module(source)
            if (source, kernel) not in functions:
                functions[source, kernel] = modules[source].get_function(kernel)
            return functions[source, kernel]

    def _module(self, source: str) -> Any:
        code = compile.cubin(source, self.capability, self._kernels)
        try:
            return self._cuda.module_from_buffer(code)
        except self._cuda.Error as error:
            raise BackendUnavailable(
                f"{source}: expected {self.name} to take what {compile.find_nvcc()} made, got: {error}",
                "use an nvcc that is not newer than the driver (nvidia-smi shows its CUDA): PERCEPTION_NVCC",
            ) from error

    @contextmanager
    def _working(self) -> Iterator[None]:
        """The context is current; errors of the driver become FrameError."""
        if not self._release.alive:
            raise ValueError("expected an open device, got one that was closed; make another")
        with current(self._held.context):
            try:
                yield
            except self._cuda.Error as error:
                raise FrameError(
                    f"{self.name}: expected the work to succeed, got: {error}; {self._advice()}"
                ) from error

    def _advice(self) -> str:
        try:
            self._held.stream.is_done()
        except self._cuda.Error:
            return "its context is lost: start the process again; dmesg and compute-sanitizer say more"
        return "the device itself still works: look at the arguments of the call"

    @contextmanager
    def _memory(self, size: int, kind: str) -> Iterator[None]:
        """Running out of memory inside, where `size` bytes are asked for, becomes BackendUnavailable."""
        with self._working():
            try:
                yield
            except self._cuda.MemoryError as error:
                free, total = (amount / 1e6 for amount in self._cuda.mem_get_info())
                raise BackendUnavailable(
                    f"{self.name}: expected {size / 1e6:.1f} MB of {kind}, got: {error}; {free:.0f} of "
                    f"{total:.0f} MB are free: end other programs on the device, run fewer tasks, or use "
                    "device='cpu'"
                ) from error


@cache
def driver() -> Any:
    """pycuda, with the driver started. Raises BackendUnavailable."""
    try:
        import pycuda.driver as cuda
    except ImportError as error:
        raise BackendUnavailable(f"expected pycuda and a CUDA driver, got: {error}", remedy(error)) from error
    try:
        cuda.init()
    except cuda.Error as error:
        raise BackendUnavailable(
            f"expected a CUDA device, got: {error}",
            "see nvidia-smi, in a container pass --gpus all, or use device='cpu'",
        ) from error
    built, found = cuda.get_version(), cuda.get_driver_version()
    if found // 1000 < built[0]:
        raise BackendUnavailable(
            f"expected a driver for CUDA {built[0]}, which pycuda was built with, got one for CUDA "
            f"{found // 1000}.{found % 1000 // 10}",
            f"update the driver, or {REBUILD}",
        )
    return cuda


def remedy(error: ImportError) -> str:
    """What to do when pycuda cannot be imported."""
    if "libcuda" in str(error):
        return "install the NVIDIA driver (on a Jetson it comes with L4T), or use device='cpu'"
    if "undefined symbol" in str(error):
        return f"pycuda was built for a newer driver: update the driver, or {REBUILD}"
    return "pip install pycuda, with nvcc in PATH"


@cache
def primary_context(ordinal: int) -> Any:
    """Retained until the program ends, as CUDA's runtime does it.

    pycuda leaves a context that it releases current in that thread, and releases one that is merely dropped
    in the way that is for other contexts.
    """
    context = driver().Device(ordinal).retain_primary_context()
    weakref.finalize(primary_context, detach, context)  # after those of devices, which are made later
    return context


def detach(context: Any) -> None:
    with suppress(driver().Error):
        context.push()  # in whatever thread this is
        context.detach()


@contextmanager
def current(context: Any) -> Iterator[None]:
    context.push()
    try:
        yield
    finally:
        context.pop()


def release(held: Held) -> None:
    """Give everything back, whatever state the device is in."""
    error: type[Exception] = driver().Error
    with suppress(error), current(held.context):
        with suppress(error):
            held.stream.synchronize()
        held.functions.clear()
        held.modules.clear()
        for allocation in held.allocations:
            allocation.free()
        held.allocations.clear()
        held.pinned.clear()
        held.in_copies.clear()
        held.stream = None


def check_copy(host: np.ndarray, device: DeviceArray) -> None:
    if not host.flags.c_contiguous:
        raise ValueError("expected contiguous host memory, got a view with gaps; copy it first")
    if host.nbytes != device.nbytes:
        raise ValueError(f"expected {device.nbytes} bytes, as on the device, got {host.nbytes}")


def parameter(argument: Any) -> np.generic:
    """A kernel's argument as pycuda packs it. Raises TypeError for what has no size of its own."""
    if isinstance(argument, DeviceArray):
        return np.uintp(argument.pointer)
    if isinstance(argument, np.number) and argument.dtype.char in SCALARS:
        return argument
    raise TypeError(
        f"expected a DeviceArray or a numpy scalar of the kernel's type, got {type(argument).__name__}"
    )


def threads(sizes: Sequence[int]) -> tuple[int, ...]:
    """x, y and z: pycuda wants all three. Raises ValueError."""
    if not 1 <= len(sizes) <= 3 or min(sizes) < 1:
        raise ValueError(f"expected 1 to 3 sizes of at least 1, got {tuple(sizes)}")
    return (*(int(size) for size in sizes), 1, 1)[:3]
