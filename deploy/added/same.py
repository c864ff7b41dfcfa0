"""Do two bundles say the same, to the bit? By the bytes of all outputs that the first one has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perception import bundle as bundles
from perception.backends import FOR_ANOTHER_DEVICE
from perception.backends.runtimes import FIRST, Network, installed, opened
from perception.bundle import MAIN, ModelSpec
from perception.errors import BundleError
from perception.letterbox import Letterbox
from perception.types import RawOutputs

THREADS = (1, 2)


@dataclass(frozen=True)
class Way:
    """In which a network was computed, and how many frames were the same."""

    precision: str
    runtime: str
    threads: int
    frames: int
    same: int

    @property
    def text(self) -> str:
        how = f"{self.precision} with {self.runtime}, threads: {self.threads}"
        return f"{self.same} of {self.frames} frames the same in {how}"


def ways(spec: ModelSpec) -> Iterator[tuple[str, str, int]]:
    """Precision, runtime and threads; files for another device are computed as they are written."""
    for precision in spec.files:
        for runtime in installed():
            for threads in THREADS:
                if precision not in FOR_ANOTHER_DEVICE or (runtime, threads) == (FIRST, 1):
                    yield precision, runtime, threads


def compared(before: Path, after: Path, images: Iterable[np.ndarray]) -> list[Way]:
    """The main networks of both bundles over `images` (H, W, 3) uint8, in every way there is here.

    The second one computes all its outputs, as in use; compared are those that the first one has. Raises
    BundleError if the second one lacks a precision or an output, or has another input size.
    """
    spec, other = bundles.read(before), bundles.read(after)
    names, everything = main_outputs(spec), main_outputs(other)
    _check_comparable(spec, other)
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
                found[way][1] += _same(old(tensor), new(tensor), names)
    return [Way(*way, frames, same) for way, (frames, same) in found.items()]


def prove(found: Sequence[Way]) -> None:
    """Raises BundleError if an output differs, or if there was nothing to compare."""
    other = [way for way in found if way.same != way.frames]
    if other or not any(way.frames for way in found):
        raise BundleError(
            f"expected the same outputs to the bit, got {other[0].text if other else 'no frame to compare'}; "
            "the bundles are of different networks"
        )


def main_outputs(spec: ModelSpec) -> list[str]:
    """Those of the main network, task by task."""
    return [name for task in spec.tasks.values() if task.network == MAIN for name in task.outputs]


def _check_comparable(spec: ModelSpec, other: ModelSpec) -> None:
    lacking = [
        *(f"precision {name}" for name in spec.files if name not in other.files),
        *(f"output {name}" for name in main_outputs(spec) if name not in main_outputs(other)),
    ]
    if lacking or not main_outputs(spec):
        what = f"none of {', '.join(lacking)}" if lacking else "no output of a main network to compare"
        raise BundleError(
            f"expected a bundle with all that {spec.name} has, got {what}; "
            "compare a bundle with one that was made from it"
        )
    if spec.input_size != other.input_size:
        raise BundleError(
            f"expected two bundles of one input size, got {spec.input_size} and {other.input_size}; "
            "compare a bundle with one that was made from it"
        )


def _same(old: RawOutputs, new: RawOutputs, names: Sequence[str]) -> bool:
    return all(old[name].tobytes() == new[name].tobytes() for name in names)
