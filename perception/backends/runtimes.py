"""Which runtime computes a network on the CPU: "auto" measures, once for a network and a processor.

Which is faster depends on the processor, the network and the number of threads, and no table knows all of
them. What is compared is processor time, of all threads: on a busy machine, where wall times of the same
call differ by a factor of two, it differs by a few percent. The times are kept in the user's cache, by all
that they depend on; a start that finds them there imports no runtime but the one it takes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from perception.backends import CPU_RUNTIMES, SIMULATED, kept
from perception.bundle import Shape
from perception.devices import AUTO, available_threads, processor
from perception.errors import BackendUnavailable, PerceptionError
from perception.interfaces import Backend
from perception.types import RawOutputs, Size

SCHEMA = 2  # of what is kept: another number finds none of the old times
VARIABLE = "PERCEPTION_RUNTIME"  # the environment's word for "auto"
FIRST = next(iter(CPU_RUNTIMES))
GAIN = 1.1  # by which another must be faster than the first to be taken
WARM_UP, RUNS = 2, 10
SQUARE = 32  # pixels of the picture it is measured with
BATCH = 4  # of a network whose batch is free
TOLERANCE = 0.2  # root mean square of the difference between two runtimes' answers, over their spread

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Network:
    """What a backend is made of: a file, what of it is computed, and with how many threads."""

    path: Path
    outputs: tuple[str, ...]
    threads: int | None = None  # None: the cores this process may use, at most 4
    shapes: Mapping[str, Shape] = field(default_factory=dict)  # of outputs, where the bundle tells
    size: Size | None = None  # (width, height) of its images; None: what the file declares
    simulated: bool = False  # a file for another device


Times = Mapping[str, float]  # runtime -> milliseconds of processor time of one call
Measure = Callable[[Network, Sequence[str]], Times]


def runtime_for(network: Network, wanted: str = AUTO, measure: Measure | None = None) -> str:
    """`wanted`, or for "auto" the fastest of those that are installed; the log says why.

    The environment's PERCEPTION_RUNTIME takes the place of "auto". Raises BackendUnavailable for a runtime
    that is not installed or that nobody knows.
    """
    if network.simulated:
        return _simulated(network, wanted)
    wanted = os.environ.get(VARIABLE) or AUTO if wanted == AUTO else wanted
    if wanted != AUTO:
        return _named(wanted)
    names = installed()
    if names == [FIRST]:
        log.info("%s on %s: no other runtime is installed", network.path.name, FIRST)
        return FIRST
    times = times_of(network, names, measure or measured)
    choice = fastest(times)
    told = ", ".join(f"{name} {ms:.2f}" for name, ms in times.items())
    log.info("%s on %s: ms of processor time: %s", network.path.name, choice, told)
    return choice


def _simulated(network: Network, wanted: str) -> str:
    if wanted not in (AUTO, FIRST):
        raise BackendUnavailable(
            f"{network.path.name}: expected the runtime {FIRST} for a file for another device, got {wanted!r}"
        )
    return FIRST


def _named(wanted: str) -> str:
    if wanted not in CPU_RUNTIMES:
        raise BackendUnavailable(f"expected a runtime of {', '.join([AUTO, *CPU_RUNTIMES])}, got {wanted!r}")
    if wanted not in installed():
        raise BackendUnavailable(
            f"runtime {wanted!r}: expected it to be installed, got no such package; "
            f"pip install 'perception[{wanted}]', or choose runtime={AUTO!r}"
        )
    return wanted


def opened(network: Network, runtime: str) -> Backend:
    """The network, ready to run. Raises BundleError, or BackendUnavailable if the runtime does not load."""
    file, _, kind = (SIMULATED if network.simulated else CPU_RUNTIMES[runtime]).partition(":")
    backend = getattr(import_module(f"{__package__}.{file}"), kind)
    return backend(network.path, network.outputs, network.threads, network.shapes, size=network.size)


def installed() -> list[str]:
    """The runtimes whose packages are here; none is imported for it."""
    return [name for name in CPU_RUNTIMES if name == FIRST or find_spec(name) is not None]


def fastest(times: Times) -> str:
    """The first runtime, unless another is faster by GAIN: a race that close is decided by noise."""
    best = min(times, key=times.__getitem__)
    return best if times[best] * GAIN <= times[FIRST] else FIRST


def times_of(network: Network, names: Sequence[str], measure: Measure) -> Times:
    """As they were kept, or measured now and kept."""
    of = identity(network, names)
    path = kept.folder("runtimes") / f"{hashlib.sha256(json.dumps(of).encode()).hexdigest()[:32]}.json"
    times = _read(path)
    if times is None:
        times = measure(network, names)
        if set(times) == set(names):  # one that failed may work at the next start
            kept.write(path, json.dumps({"ms": times, "of": of}).encode())
    return times


def identity(network: Network, names: Sequence[str]) -> dict[str, Any]:
    """All that the times depend on."""
    return {
        "schema": SCHEMA,
        "processor": dict(processor()),
        "model": hashlib.sha256(network.path.read_bytes()).hexdigest(),
        "outputs": sorted(network.outputs),
        "size": network.size,
        "threads": network.threads or available_threads(),
        "runtimes": {name: _version(name) for name in names},
    }


def measured(network: Network, names: Sequence[str]) -> dict[str, float]:
    """The least time of RUNS calls of each runtime, in turns.

    One that cannot compute the network, or answers otherwise than the first, is left out, and the log says
    so. Raises BundleError if the first cannot.
    """
    with ExitStack() as stack:
        backends = {FIRST: opened(network, FIRST)}
        backends |= {name: other for name in names if name != FIRST and (other := _other(network, name))}
        for backend in backends.values():
            stack.callback(backend.close)
        image = picture(backends[FIRST].input_size, BATCH if _free(network) else 1)
        return in_turns(agreeing(backends, image), image)


def _other(network: Network, runtime: str) -> Backend | None:
    try:
        return opened(network, runtime)
    except PerceptionError as error:
        log.warning("%s is not used: %s", runtime, error)
        return None


def in_turns(backends: Mapping[str, Backend], image: np.ndarray) -> dict[str, float]:
    times = dict.fromkeys(backends, float("inf"))
    for turn in range(WARM_UP + RUNS):
        for name, backend in backends.items():
            begin = process_time()
            backend(image)
            if turn >= WARM_UP:
                times[name] = min(times[name], (process_time() - begin) * 1e3)
    return times


def picture(size: Size, n: int) -> np.ndarray:
    """(n, h, w, 3) uint8: squares of random colours, in which networks see more than in noise."""
    width, height = size
    squares = np.random.default_rng(0).integers(0, 256, (n, height // SQUARE, width // SQUARE, 3), np.uint8)
    return squares.repeat(SQUARE, axis=1).repeat(SQUARE, axis=2)


def agreeing(backends: Mapping[str, Backend], image: np.ndarray) -> dict[str, Backend]:
    """The first, and those that answer as it does."""
    wanted = {name: array.copy() for name, array in backends[FIRST](image).items()}
    errors = {name: difference(backend(image), wanted) for name, backend in backends.items() if name != FIRST}
    wrong = {name: error for name, error in errors.items() if not error <= TOLERANCE}
    for name, error in wrong.items():
        log.warning("%s is not used: its answer differs from that of %s by %.0f %%", name, FIRST, 100 * error)
    return {name: backend for name, backend in backends.items() if name not in wrong}


def difference(got: RawOutputs, wanted: RawOutputs) -> float:
    """The largest over the outputs: root mean square of got - wanted, over the spread of `wanted`.

    inf where something is not finite.
    """
    errors = [
        float(np.sqrt(np.mean((got[name] - array) ** 2)) / max(np.std(array), 1e-3))
        for name, array in wanted.items()
    ]
    return max(error if np.isfinite(error) else float("inf") for error in errors)


def _free(network: Network) -> bool:
    """Whether its batch is free, as far as the bundle tells."""
    return any(network.shapes.get(name, (1,))[0] is None for name in network.outputs)


def _read(path: Path) -> Times | None:
    content = kept.read(path)
    return json.loads(content)["ms"] if content else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # under another name, such as onnxruntime-gpu
        return None
