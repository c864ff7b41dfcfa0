"""Wall and processor time of calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns, process_time_ns, thread_time_ns
from typing import Any

import numpy as np

from perception.interfaces import Backend, Tensor
from perception.types import RawOutputs


@dataclass
class Times:
    """Milliseconds, one of each for a call."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, wall: float, cpu: float) -> None:
        self.wall.append(wall)
        self.cpu.append(cpu)

    def medians(self) -> dict[str, float]:
        return {"wall_ms": median(self.wall), "cpu_ms": median(self.cpu)}


def timed(function: Callable[..., Any], *arguments: Any, threads: int = 1) -> tuple[Any, float, float]:
    """What `function` gives, its wall and its processor time in milliseconds; that of all threads if many."""
    clock = thread_time_ns if threads == 1 else process_time_ns
    wall, cpu = perf_counter_ns(), clock()
    result = function(*arguments)
    return result, (perf_counter_ns() - wall) / 1e6, (clock() - cpu) / 1e6


class TimedBackend:
    """Another backend that notes how long it worked since the last `lap`."""

    def __init__(self, backend: Backend) -> None:
        self.device, self.input_size = backend.device, backend.input_size
        self.close = backend.close
        self._backend = backend
        self._wall = self._cpu = 0.0

    def __call__(self, tensor: Tensor) -> RawOutputs:
        raw, wall, cpu = timed(self._backend, tensor)
        self._wall += wall
        self._cpu += cpu
        return raw

    def lap(self) -> tuple[float, float]:
        """Wall and processor time in milliseconds since the last lap."""
        spent, self._wall, self._cpu = (self._wall, self._cpu), 0.0, 0.0
        return spent


def interleaved(calls: dict[str, Callable[[], object]], rounds: int, repeats: int = 3) -> dict[str, Times]:
    """Time every call in turn, round after round, so that a noisy neighbour disturbs all alike.

    The first call of each turn is not counted: it finds the caches full of the others' data.
    """
    times = {name: Times() for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            for _ in range(repeats):
                _, wall, cpu = timed(call, threads=2)
                times[name].add(wall, cpu)
    return times


def median(values: Sequence[float]) -> float:
    return float(np.median(values))
