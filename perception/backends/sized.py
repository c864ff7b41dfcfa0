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
    """Runs each tensor on the backend of its size.

    `open(size)`: a backend for tensors (n, height, width, 3) of `size` (width, height). It is called for
    `input_size` at once, so that a file which is no network is found on loading, and for another size when
    the first tensor of that size comes. What it raises then, `__call__` raises. `size_of`: of a tensor, where
    it is none of the processor's. `kept`: so many of the sizes used last stay open.
    """

    def __init__(
        self,
        open: Callable[[Size], B],
        input_size: Size,
        size_of: Callable[[Tensor], Size] = lambda tensor: (tensor.shape[2], tensor.shape[1]),
        kept: float = KEPT,
    ) -> None:
        self.input_size = input_size
        self._open, self._size_of, self._kept = open, size_of, kept
        self._backends: OrderedDict[Size, B] = OrderedDict()
        self.device = self.at(input_size).device

    def at(self, size: Size) -> B:
        """The backend for one size, opened if it is not."""
        if size not in self._backends:
            self._backends[size] = self._open(size)
            if len(self._backends) > self._kept:
                self._backends.popitem(last=False)[1].close()
        self._backends.move_to_end(size)
        return self._backends[size]

    def __call__(self, tensor: Tensor) -> RawOutputs:
        return self.at(self._size_of(tensor))(tensor)

    def close(self) -> None:
        while self._backends:
            self._backends.popitem()[1].close()
