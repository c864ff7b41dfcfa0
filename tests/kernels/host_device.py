"""A `Device` without a GPU: the kernels as g++ compiled them, memory with guards on both sides.

`built` gives the library of one .cu file. In it each kernel NAME is `host_NAME(grid, block, arguments, seed)`
with arguments as cuLaunchKernel takes them: see host_cuda.h.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from perception.errors import FrameError
from perception.kernels.device import DeviceArray

HERE = Path(__file__).parent
KERNELS = HERE.parents[1] / "perception" / "kernels"
ENTRY = re.compile(r"__global__ void __launch_bounds__\((\w+)\)\s*(\w+)\(")
FLAGS = ("-std=c++17", "-O1", "-fPIC", "-shared", "-ffp-contract=off", "-fvisibility=hidden")
WARNINGS = ("-Wall", "-Wextra", "-Werror")
SANITIZE = (
    "-g",
    "-fsanitize=address,undefined,float-cast-overflow",
    "-fno-sanitize-recover=all",
    "-fsanitize-sections=shared_memory",
)
GUARD = 256  # bytes before and after each array that no kernel may write
POISON = 0xA5  # of fresh memory and of the guards
LETTERS = {np.dtype(np.int32): "i", np.dtype(np.float32): "f"}

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]


@lru_cache
def built(source: Path, sanitize: bool = False) -> ctypes.CDLL:
    return ctypes.CDLL(str(build(source, sanitize)))


def build(source: Path, sanitize: bool = False) -> Path:
    """`source` as a library, kept until a file changes: ours in the temporary folder, others beside it.

    Raises RuntimeError if it does not compile.
    """
    text = source.read_text()
    entries = "".join(f"HOST_KERNEL({name}, {threads})\n" for threads, name in ENTRY.findall(text))
    whole = f'#include "host_cuda.h"\n#line 1 "{source.name}"\n{text}\n{entries}'
    flags = (*FLAGS, *(SANITIZE if sanitize else WARNINGS))
    parts = whole, (source.parent / "device.cuh").read_text(), (HERE / "host_cuda.h").read_text(), str(flags)
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    kept = Path(tempfile.gettempdir()) / f"host-kernels-{os.getuid()}"
    target = (kept if source.parent == KERNELS else source.parent) / f"{source.stem}-{key}.so"
    if not target.is_file():
        _compile(whole, (source.parent, HERE), flags, target)
    return target


def _compile(text: str, folders: Sequence[Path], flags: Sequence[str], target: Path) -> None:
    """By g++, in place when whole. Raises RuntimeError with what g++ says."""
    target.parent.mkdir(exist_ok=True)
    draft = target.with_suffix(f".{os.getpid()}")
    include = [f"-I{folder}" for folder in folders]
    command = ["g++", *flags, *include, "-x", "c++", "-", "-o", str(draft)]
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"g++ does not compile {target.stem}:\n{done.stderr}")
    draft.replace(target)


def sanitized() -> dict[str, str]:
    """The environment of a process in which kernels built with `sanitize` can be loaded."""
    libraries = (
        subprocess.check_output(["g++", f"-print-file-name={name}"], text=True).strip()
        for name in ("libasan.so", "libstdc++.so")
    )
    options = (
        "detect_leaks=0:detect_stack_use_after_return=0"  # Python's leaks; fibers have stacks of their own
    )
    return {**os.environ, "LD_PRELOAD": " ".join(libraries), "ASAN_OPTIONS": options}


class HostDevice:
    """Everything is done at once, in the caller's thread. `seed` shuffles threads and blocks; 0 does not.

    `sanitize`: kernels report bad accesses themselves and end the process, so memory needs no guards; libasan
    must have been loaded before anything else (see `sanitized`).
    """

    name = "host"
    capability = (8, 7)
    integrated = False
    stream = 0

    def __init__(self, seed: int = 0, sources: Path = KERNELS, sanitize: bool = False) -> None:
        self.seed = seed
        self.launched: list[str] = []  # kernels, in order
        self._sources = sources
        self._sanitize = sanitize
        self._guard = 0 if sanitize else GUARD
        self._blocks: list[tuple[int, int]] = []  # address and bytes, guards included

    def allocate(self, shape: Sequence[int], dtype: Any) -> DeviceArray:
        array = DeviceArray(0, tuple(shape), np.dtype(dtype))
        whole = array.nbytes + 2 * self._guard
        address = libc.malloc(whole)
        ctypes.memset(address, POISON, whole)
        self._blocks.append((address, whole))
        return DeviceArray(address + self._guard, array.shape, array.dtype)

    def pinned(self, shape: Sequence[int], dtype: Any) -> np.ndarray:
        return np.empty(tuple(shape), dtype)

    def frame_buffer(self, shape: Sequence[int], dtype: Any) -> tuple[np.ndarray, DeviceArray]:
        return self.pinned(shape, dtype), self.allocate(shape, dtype)

    def upload(self, target: DeviceArray, source: np.ndarray) -> None:
        assert source.flags.c_contiguous
        assert source.nbytes == target.nbytes
        ctypes.memmove(target.pointer, source.ctypes.data, source.nbytes)

    def download(self, target: np.ndarray, source: DeviceArray) -> None:
        assert target.flags.c_contiguous
        assert target.nbytes == source.nbytes
        ctypes.memmove(target.ctypes.data, source.pointer, target.nbytes)

    def fill(self, target: DeviceArray, byte: int) -> None:
        ctypes.memset(target.pointer, byte, target.nbytes)

    def launch(
        self, source: str, kernel: str, grid: Sequence[int], block: Sequence[int], *arguments: Any
    ) -> None:
        """Raises TypeError for arguments of other types than the kernel's, FrameError if it goes wrong."""
        library = built(self._sources / source, self._sanitize)
        _check_types(library, kernel, arguments)
        if min(*grid, *block) < 1:
            raise ValueError(f"{kernel}: expected a grid and block of at least 1, got {grid} and {block}")
        values = [_value(argument) for argument in arguments]
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        entry = library[f"host_{kernel}"]
        entry.restype = ctypes.c_char_p
        sizes = [(ctypes.c_uint * 3)(*size, *(1,) * (3 - len(size))) for size in (grid, block)]
        problem = entry(*sizes, pointers, ctypes.c_uint(self.seed))
        self.launched.append(kernel)
        if problem:
            raise FrameError(f"{kernel}: {problem.decode()}")

    def synchronize(self) -> None:
        """Raises FrameError if a kernel has written beside an array."""
        for address, whole in self._blocks if self._guard else ():
            for guard in (address, address + whole - self._guard):
                if ctypes.string_at(guard, self._guard) != bytes([POISON]) * self._guard:
                    raise FrameError(f"a kernel wrote beside an array of {whole - 2 * self._guard} bytes")

    @property
    def allocated(self) -> int:
        """Arrays so far."""
        return len(self._blocks)

    def close(self) -> None:
        for address, _ in self._blocks:
            libc.free(address)
        self._blocks.clear()

    def put(self, source: np.ndarray) -> DeviceArray:
        """A new array with this content."""
        target = self.allocate(source.shape, source.dtype)
        self.upload(target, np.ascontiguousarray(source))
        return target

    def get(self, source: DeviceArray) -> np.ndarray:
        """Its content, after `synchronize`."""
        target = np.empty(source.shape, source.dtype)
        self.download(target, source)
        self.synchronize()
        return target


def _check_types(library: ctypes.CDLL, kernel: str, arguments: Sequence[Any]) -> None:
    """A GPU would take whatever bytes there are."""
    types = library[f"host_types_{kernel}"]
    types.restype = ctypes.c_char_p
    wanted = types().decode()
    got = "".join("p" if isinstance(a, DeviceArray) else LETTERS[a.dtype] for a in arguments)
    if got != wanted:
        raise TypeError(f"{kernel}: expected arguments {wanted}, got {got} (pointer, int32, float32)")


def _value(argument: Any) -> Any:
    if isinstance(argument, DeviceArray):
        return ctypes.c_void_p(argument.pointer)
    return (ctypes.c_char * argument.nbytes).from_buffer_copy(argument.tobytes())
