"""Do two bundles say the same, to the bit? By hashes of all outputs that the first one has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perception import bundle as bundles
from perception.backends import CPU_RUNTIMES, FOR_ANOTHER_DEVICE
from perception.backends.runtimes import Network, installed, opened
from perception.bundle import MAIN, ModelSpec
from perception.interfaces import Backend
from perception.letterbox import Letterbox

THREADS = (1, 2)
AS_WRITTEN = next(iter(CPU_RUNTIMES))


@dataclass(frozen=True)
class Way:
    """In which a network was computed, and how many frames were the same."""

    precision: str
    runtime: str
    threads: int
    frames: int
    same: int


def ways(spec: ModelSpec) -> Iterator[tuple[str, str, int]]:
    """Precision, runtime and threads; files for another device are computed as they are written."""
    for precision in spec.files:
        for runtime in installed():
            for threads in THREADS:
                if precision not in FOR_ANOTHER_DEVICE or (runtime, threads) == (AS_WRITTEN, 1):
                    yield precision, runtime, threads


def compared(before: Path, after: Path, images: Iterable[np.ndarray]) -> list[Way]:
    """The main networks of both bundles over `images` (H, W, 3) uint8, in every way there is here.

    The second one computes all its outputs, as in use; compared are those that the first one has.
    """
    spec, other = bundles.read(before), bundles.read(after)
    names, everything = _outputs(spec), _outputs(other)
    found = {way: [0, 0] for way in ways(spec)}
    with ExitStack() as stack:
        pairs = {}
        for precision, runtime, threads in found:
            written, both = precision in FOR_ANOTHER_DEVICE, []
            for folder, own, outputs in ((before, spec, names), (after, other, everything)):
                path = folder / own.files[precision][MAIN]
                network = Network(path, tuple(outputs), threads, own.shapes, own.input_size, written)
                both.append(opened(network, runtime))
                stack.callback(both[-1].close)
            pairs[precision, runtime, threads] = both
        for image in images:
            box = Letterbox.fit((image.shape[1], image.shape[0]), spec.input_size)
            tensor = np.ascontiguousarray(box.apply(image)[None])
            for way, (old, new) in pairs.items():
                found[way][0] += 1
                found[way][1] += _digest(old, tensor, names) == _digest(new, tensor, names)
    return [Way(*way, frames, same) for way, (frames, same) in found.items()]


def _outputs(spec: ModelSpec) -> list[str]:
    return [name for task in spec.tasks.values() if task.network == MAIN for name in task.outputs]


def _digest(network: Backend, tensor: np.ndarray, names: Sequence[str]) -> str:
    answers, digest = network(tensor), hashlib.sha256()
    for name in names:
        digest.update(np.ascontiguousarray(answers[name]).tobytes())
    return digest.hexdigest()
