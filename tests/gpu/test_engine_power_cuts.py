"""A power cut at any step leaves a sound cache of engines."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from perception.backends.engine_cache import (
    EngineCache,
    RealDisk,
    identity,
)
from perception.errors import BundleError
from tests.gpu.engines import GOOD, INT8, ORIN, Builder, damage, get, good, left


class PowerCut(BaseException):
    """Not an error that any code could handle."""


class FailingDisk(RealDisk):
    """The power fails at step `steps`; then `lose` takes away what had not reached the disk."""

    def __init__(self, steps: int) -> None:
        self.steps, self.done = steps, 0
        self.safe: set[int] = set()  # inodes
        self.moves: list[tuple[Path, Path]] = []  # not on the disk yet

    def _step(self) -> None:
        if self.done >= self.steps:
            raise PowerCut
        self.done += 1

    def make(self, folder):
        self._step()
        super().make(folder)

    def write(self, path, data):
        path.write_bytes(data[: len(data) // 2])
        self._step()
        super().write(path, data)

    def sync(self, path):
        self._step()
        super().sync(path)
        self.safe.add(path.stat().st_ino)
        self.moves = [(source, target) for source, target in self.moves if target.parent != path]

    def rename(self, source, target):
        self._step()
        super().rename(source, target)
        self.moves.append((source, target))

    def remove(self, path):
        self._step()
        super().remove(path)

    def lose(self, folder: Path, old: set[int], moves: bool) -> None:
        """`old`: inodes from before. `moves`: renames that were not synced are lost as well."""
        for source, target in reversed(self.moves if moves else []):
            target.rename(source)
        for path in folder.rglob("*"):
            if path.is_file() and path.stat().st_ino not in self.safe | old:
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def nothing(onnx_file, cache):
    return Builder()


def damaged(onnx_file, cache):
    builder = Builder()
    damage(get(onnx_file, cache, builder, check=good).parent, "flipped bit")
    return builder


def bad_at_first(onnx_file, cache):
    return Builder(b"bad", GOOD)


def unchecked(onnx_file, cache):
    get(onnx_file, cache, Builder())
    return Builder()


def left_over(onnx_file, cache):
    """A builder was killed, and there is a quarantined engine."""
    home = get(onnx_file, cache, Builder()).parent
    (home.with_name(home.name + ".1.part")).mkdir()
    home.rename(home.with_name(home.name + ".bad"))
    return Builder(b"bad", GOOD)


def cut_at(step, prepare, folder, moves):
    """How many steps were made until the power failed; the cache afterwards."""
    folder.mkdir()
    file, cache = folder / "network.onnx", EngineCache(folder / "cache")
    file.write_bytes(b"a network")
    builder = prepare(file, cache)
    old = {path.stat().st_ino for path in folder.rglob("*")}
    disk = FailingDisk(step)
    with suppress(PowerCut):
        get(file, EngineCache(cache.folder, disk), builder, check=good)
    disk.lose(folder, old, moves)  # at the latest when all is done
    return disk.done, file, cache


@pytest.mark.parametrize("moves", [False, True], ids=["renames kept", "renames lost"])
@pytest.mark.parametrize("prepare", [nothing, damaged, bad_at_first, unchecked, left_over])
def test_after_a_power_cut_at_any_step_the_cache_is_sound(prepare, moves, tmp_path):
    steps, *_ = cut_at(10**6, prepare, tmp_path / "whole", moves)
    assert steps >= 4, "this would not see a fault"
    for step in range(steps):
        _, file, cache = cut_at(step, prepare, tmp_path / str(step), moves)
        of = identity(file.read_bytes(), "10.3.0", INT8, ORIN)
        try:
            entry = cache.find(of)
        except BundleError:  # seen to be bad
            entry = None
        assert entry is None or not entry.checked or entry.plan.read_bytes() == GOOD
        assert get(file, cache, Builder(), check=good).read_bytes() == GOOD
        assert not [name for name in left(cache) if ".part" in name]


@pytest.mark.parametrize("moves", [False, True], ids=["renames kept", "renames lost"])
@pytest.mark.parametrize("prepare", [nothing, damaged, bad_at_first, unchecked, left_over])
def test_an_engine_that_was_handed_out_outlives_a_power_cut(prepare, moves, tmp_path):
    _, file, cache = cut_at(10**6, prepare, tmp_path / "cache", moves)
    entry = cache.find(identity(file.read_bytes(), "10.3.0", INT8, ORIN))
    assert entry.checked
    assert entry.plan.read_bytes() == GOOD
