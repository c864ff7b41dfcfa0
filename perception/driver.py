"""The CUDA driver by ctypes: is it there, does it start, and which device has it?

Nothing else may be asked before this: TensorRT's runtime ends the process where there is no driver. Codes and
attributes: cuda.h of the CUDA toolkit.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from perception.errors import BackendUnavailable

LIBRARY = "libcuda.so.1"
MAJOR, MINOR, INTEGRATED = 75, 76, 18  # CUdevice_attribute
NO_DRIVER = "no CUDA driver"
CODES = {  # CUresult -> what it means, and what to do
    3: ("not initialised", "Start the device again"),
    34: ("a stub library for linking", "Take the stubs folder out of LD_LIBRARY_PATH"),
    46: ("the device is unavailable", "End the program that holds it, see nvidia-smi"),
    100: ("no device", "Look for the device with lspci or nvidia-smi; in a container pass --runtime nvidia"),
    802: ("the system is not ready", "Wait until nvidia's services have started"),
    803: (
        "the library and the kernel driver have different versions",
        "Start the machine again after the update; in a container use one for this driver",
    ),
    804: ("no forward compatibility on this device", "Take cuda-compat out of LD_LIBRARY_PATH"),
    999: ("unknown error", "Read dmesg; start the machine again"),
}


@dataclass(frozen=True)
class Driver:
    """What the driver says of itself and of its first device."""

    version: tuple[int, int]  # the newest CUDA it can run
    devices: int
    name: str
    capability: tuple[int, int]
    integrated: bool  # the processor's memory is the device's, as on a Jetson
    memory_mb: int


def look() -> Driver:
    """Raises BackendUnavailable with the reason: no library, it does not start, or it has no device."""
    library = load()
    _check(library.cuInit(0))
    count = _integer(library.cuDeviceGetCount)
    if not count:
        _check(100)
    device = _integer(library.cuDeviceGet, 0)
    version = _integer(library.cuDriverGetVersion)
    return Driver(
        (version // 1000, version % 1000 // 10),
        count,
        _name(library, device),
        (_attribute(library, MAJOR, device), _attribute(library, MINOR, device)),
        bool(_attribute(library, INTEGRATED, device)),
        _memory(library, device),
    )


def load() -> ctypes.CDLL:
    """The library, not started: this much is safe anywhere. Raises BackendUnavailable."""
    try:
        return ctypes.CDLL(LIBRARY)
    except OSError as error:
        absent = str(error).startswith(LIBRARY)  # else it is there, and something of its own is missing
        if absent:
            raise BackendUnavailable(
                f"{NO_DRIVER}: {error}",
                "without an NVIDIA device nothing is amiss; with one, install its driver (Jetson: JetPack; "
                "container: --runtime nvidia)",
            ) from error
        raise BackendUnavailable(
            f"the CUDA driver does not load: {error}",
            "in a container pass --runtime nvidia; on a Jetson: apt install --reinstall nvidia-l4t-core "
            "nvidia-l4t-cuda",
        ) from error


def _check(code: int) -> None:
    if code:
        meaning, advice = CODES.get(code, ("see CUresult in cuda.h", "Read dmesg"))
        raise BackendUnavailable(f"expected a CUDA device, got error {code}: {meaning}", advice)


def _integer(function: ctypes._NamedFuncPointer, *arguments: int) -> int:
    out = ctypes.c_int()
    _check(function(ctypes.byref(out), *arguments))
    return out.value


def _attribute(library: ctypes.CDLL, attribute: int, device: int) -> int:
    return _integer(library.cuDeviceGetAttribute, attribute, device)


def _name(library: ctypes.CDLL, device: int) -> str:
    text = ctypes.create_string_buffer(256)
    _check(library.cuDeviceGetName(text, len(text), device))
    return text.value.decode(errors="replace")


def _memory(library: ctypes.CDLL, device: int) -> int:
    size = ctypes.c_size_t()
    _check(library.cuDeviceTotalMem_v2(ctypes.byref(size), device))
    return size.value // 1_000_000
