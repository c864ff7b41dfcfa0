"""A network for every input size, of backends for one size each."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from perception.interfaces import Backend, Tensor
from perception.types import RawOutputs, Size

B = TypeVar("B", bound=Backend)

KEPT = 4  # sizes: cameras have one; a folder of pictures has few shapes, and opening one takes 10 ms


class SizedBackend(Generic[B]):
    """Runs each tensor on the backend of its size; the KEPT used last stay open.

    `open(size)`: a backend for tensors (n, height, width, 3) of `size` (width, height). It is called for
    `input_size` at once, so that a file which is no network is found on loading, and for another size when
    the first tensor of that size comes. What it raises then, `__call__` raises.
    """

    def __init__(self, open: Callable[[Size], B], input_size: Size) -> None:
        self.input_size = input_size
        self._open = open
        self._backends: OrderedDict[Size, B] = OrderedDict()
        self.device = self.at(input_size).device

    def at(self, size: Size) -> B:
        """The backend for one size, opened if it is not."""
        if size not in self._backends:
            self._backends[size] = self._open(size)
            if len(self._backends) > KEPT:
                self._backends.popitem(last=False)[1].close()
        self._backends.move_to_end(size)
        return self._backends[size]

    def __call__(self, tensor: Tensor) -> RawOutputs:
        return self.at((tensor.shape[2], tensor.shape[1]))(tensor)

    def close(self) -> None:
        while self._backends:
            self._backends.popitem()[1].close()
