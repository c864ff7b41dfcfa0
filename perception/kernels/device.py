"""What the kernels need of a CUDA device: memory, copies, launches, one stream.

`cuda` fills it with pycuda; the tests fill it with kernels that g++ compiled for the processor. Everything
is in the order of the one stream; host memory that takes part in a copy may be used again after
`synchronize`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class DeviceArray:
    """Memory on the device, contiguous; it lives as long as its device."""

    pointer: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize

    def part(self, begin: int, shape: Sequence[int], dtype: Any) -> DeviceArray:
        """A view of `shape` and `dtype` from byte `begin` on. Raises ValueError if it does not fit."""
        view = DeviceArray(self.pointer + begin, tuple(shape), np.dtype(dtype))
        if begin < 0 or begin + view.nbytes > self.nbytes:
            raise ValueError(f"expected a view within {self.nbytes} bytes, got {begin} + {view.nbytes}")
        return view


class Device(Protocol):
    name: str
    capability: tuple[int, int]  # compute capability; (8, 7) is Orin
    integrated: bool  # the processor's memory is the device's
    stream: int  # the handle of the stream, for TensorRT

    def allocate(self, shape: Sequence[int], dtype: Any) -> DeviceArray:
        """Not initialised. Raises BackendUnavailable when the memory is full."""

    def pinned(self, shape: Sequence[int], dtype: Any) -> np.ndarray:
        """Host memory that copies need not wait for."""

    def frame_buffer(self, shape: Sequence[int], dtype: Any) -> tuple[np.ndarray, DeviceArray]:
        """Host memory to fill, and device memory to `upload` it to.

        On an integrated device they are one memory: `upload` of the whole of it copies nothing.
        """

    def upload(self, target: DeviceArray, source: np.ndarray) -> None:
        """Host to device, in the stream. `source`: contiguous, of as many bytes as `target`."""

    def download(self, target: np.ndarray, source: DeviceArray) -> None:
        """Device to host, in the stream; `target` is valid after `synchronize`."""

    def fill(self, target: DeviceArray, byte: int) -> None:
        """Set every byte, in the stream."""

    def launch(
        self, source: str, kernel: str, grid: Sequence[int], block: Sequence[int], *arguments: Any
    ) -> None:
        """Run `kernel` of the file `source` (such as "maps.cu") on `grid` x `block` threads (x, y, z).

        Arguments: DeviceArray, or numpy scalars of exactly the kernel's types. Shared memory is static.
        """

    def synchronize(self) -> None:
        """Wait for all that is in the stream. Raises FrameError if something in it failed."""

    def close(self) -> None: ...
