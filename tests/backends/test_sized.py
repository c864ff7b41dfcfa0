"""One backend a size, opened when needed, the oldest closed."""

from __future__ import annotations

import numpy as np
import pytest

from perception.backends.scripted import ScriptedBackend
from perception.backends.sized import KEPT, SizedBackend
from perception.errors import BundleError


class Opener:
    """Backends whose answer is their size."""

    def __init__(self) -> None:
        self.opened: dict[tuple[int, int], ScriptedBackend] = {}

    def __call__(self, size):
        if size == (32, 32):
            raise BundleError("expected a larger size")
        answers = ({"size": np.array(size)} for _ in range(99))
        self.opened[size] = ScriptedBackend(answers, size)
        return self.opened[size]


def tensor(size) -> np.ndarray:
    return np.zeros((1, size[1], size[0], 3), np.uint8)


def test_each_tensor_is_computed_at_its_size_and_a_size_is_opened_once():
    opener = Opener()
    backend = SizedBackend(opener, (64, 32))
    first = opener.opened[64, 32]
    for size in [(64, 32), (96, 64), (64, 32)]:
        assert tuple(backend(tensor(size))["size"]) == size
    assert opener.opened[64, 32] is first
    assert (backend.input_size, backend.device) == ((64, 32), "cpu")


def test_only_the_sizes_used_last_stay_open():
    opener = Opener()
    backend = SizedBackend(opener, (64, 32))
    first = opener.opened[64, 32]
    for width in range(96, 96 + 32 * KEPT, 32):
        backend(tensor((width, 32)))
        backend(tensor((64, 32)))
    assert [size for size, one in opener.opened.items() if one.closed] == [(96, 32)]
    assert opener.opened[64, 32] is first
    backend.close()
    assert all(one.closed for one in opener.opened.values())


def test_a_size_that_cannot_be_opened_is_told_and_the_others_go_on():
    backend = SizedBackend(Opener(), (64, 32))
    with pytest.raises(BundleError, match="larger size"):
        backend(tensor((32, 32)))
    assert tuple(backend(tensor((64, 32)))["size"]) == (64, 32)
