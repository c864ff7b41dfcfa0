"""A backend that answers from a list: for tests of everything above the network."""

from __future__ import annotations

from collections.abc import Iterable

from perception.interfaces import Tensor
from perception.types import RawOutputs, Size


class ScriptedBackend:
    """Gives the next of `answers` at each call; raises it if it is an exception."""

    device = "cpu"

    def __init__(self, answers: Iterable[RawOutputs | Exception], input_size: Size = (640, 384)) -> None:
        self.input_size = input_size
        self.closed = False
        self._answers = iter(answers)

    def __call__(self, tensor: Tensor) -> RawOutputs:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True
