"""One calibration: what every tensor of a network is rounded with, for whatever device."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from calibration.int8 import equalise
from calibration.int8.graph import Graph, inner_network
from calibration.int8.methods import METHODS, STEPS
from calibration.int8.observers import Histogram, Observed, Progress, observe, unwatched
from calibration.int8.pairs import Code
from calibration.int8.plan import plan
from perception.convention import MEAN, SCALE
from perception.errors import BundleError, brief
from perception.limits import description
from perception.sinks.files import write_whole

FORMAT = 1
METHOD = "percentile"
BYTE = Code(np.float32(1 / SCALE), np.uint8(MEAN))  # the camera's bytes are codes of the normalised image
TINY = 1e-6  # a tensor that is always 0 still needs a step that is not
BYTES_SPAN = (-MEAN / SCALE, (255 - MEAN) / SCALE)


@dataclass(frozen=True)
class Scales:
    """`spans`: tensor -> (lowest, highest) value kept, lowest 0 where none can be negative.

    `factors`: tensor -> (channels,) by which its channels are divided first (`equalise`). `left`: layers that
    stay in float, and why. All names are those of the float network; `model` and `images` are sha256 digests
    of that file and of the calibration images, `count` is the number of these.
    """

    model: str
    images: str
    count: int
    method: str
    spans: Mapping[str, tuple[float, float]]
    factors: Mapping[str, tuple[float, ...]]
    left: Mapping[str, str]

    def signed(self, name: str) -> Code:
        """int8 with zero at code 0: scale = largest magnitude kept / 127."""
        low, high = self.spans[name]
        return Code(_step(max(-low, high), STEPS), np.int8(0))

    def shifted(self, name: str) -> Code:
        """The same in uint8: zero at code 128; where nothing is negative at 0, and steps half as wide."""
        low, high = self.spans[name]
        if low == 0:
            return Code(_step(high, 255), np.uint8(0))
        return Code(self.signed(name).scale, np.uint8(128))

    def spread(self, name: str) -> Code:
        """uint8 with the 255 steps laid from the lowest value to the highest."""
        low, high = self.spans[name]
        step = _step(high - low, 255)
        return Code(step, np.uint8(min(255, round(-low / float(step)))))

    def write(self, path: Path) -> None:
        """JSON; the file appears whole or not at all. Raises SinkError."""
        write_whole(path, (json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> Scales:
        """Raises BundleError if the file is not what `write` writes."""
        try:
            fields = description(path.read_text())
            if fields.pop("format") != FORMAT:
                raise ValueError(f"another format than {FORMAT}")
            return cls(**fields | {"spans": _pairs(fields["spans"]), "factors": _tuples(fields["factors"])})
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise BundleError(
                f"{path}: expected the scales of a calibration (JSON, format {FORMAT}), got {brief(error)}. "
                "Calibrate again: `perception quantize`"
            ) from error

    def check(self, path: Path) -> None:
        """Raises BundleError if the scales are not those of the network file."""
        got = digest(path)
        if got != self.model:
            raise BundleError(
                f"{path}: expected the network that was calibrated, sha256 {self.model}, got {got}. "
                "Scales fit one network only: calibrate this one"
            )


def _step(width: float, steps: int) -> np.float32:
    return np.float32(max(width, TINY) / steps)


def _pairs(spans: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    found = {name: (float(low), float(high)) for name, (low, high) in spans.items()}
    wrong = [name for name, (low, high) in found.items() if not (isfinite(high - low) and low <= 0 <= high)]
    if wrong:
        raise ValueError(f"spans that do not hold 0: {', '.join(wrong)}")
    return found


def _tuples(factors: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    found = {name: tuple(map(float, values)) for name, values in factors.items()}
    wrong = [name for name, values in found.items() if not all(isfinite(v) and v > 0 for v in values)]
    if wrong:
        raise ValueError(f"factors that are not positive: {', '.join(wrong)}")
    return found


def calibrate(
    path: Path,
    images: np.ndarray,
    method: str = METHOD,
    left: Mapping[str, str] | None = None,
    floors: Mapping[str, float] | None = None,
    equal: str = equalise.DEFAULT,
    progress: Progress = unwatched,
) -> Scales:
    """The scales of the exported float network `path` on `images` (n, h, w, 3) uint8.

    `left`: layers that shall stay in float, and why. `floors`: tensor -> value below which nothing need be
    told apart, so that the steps above can be finer. `equal`: whose channels are equalised first, of
    `equalise.WHERE`. Raises BundleError if the file is not a float network of `deploy.export` or lacks a
    layer of `left`, ValueError for an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"expected a method of {', '.join(METHODS)}, got {method!r}")
    model = inner_network(path)
    factors = equalise.factors(model, images, equal)
    graph = Graph(model)
    names = [graph.origin(name) for name in plan(graph, left).cpu]
    free = [name for name in dict.fromkeys(names) if name in graph.makers]
    seen = observe(
        equalise.equalised(model, {k: v.tolist() for k, v in factors.items()}), free, images, progress
    )
    spans = {name: _span(seen[name], method, graph.positive(name)) for name in free}
    floors = {name: floor for name, floor in (floors or {}).items() if name in spans}
    spans |= {name: (max(spans[name][0], floor), spans[name][1]) for name, floor in floors.items()}
    spans |= {name: _constant_span(graph.constants[name]) for name in names if name in graph.constants}
    return Scales(
        model=digest(path),
        images=hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest(),
        count=len(images),
        method=method,
        spans={**dict.fromkeys(graph.inputs, BYTES_SPAN), **spans},
        factors={name: tuple(values.tolist()) for name, values in factors.items()},
        left=dict(left or {}),
    )


def _span(seen: Observed, method: str, positive: bool) -> tuple[float, float]:
    """Where a value could be negative the span says so, whether one was seen or not."""
    return (0.0 if positive else min(-TINY, -_clip(seen.negative, method))), _clip(seen.positive, method)


def _clip(histogram: Histogram, method: str) -> float:
    return float(METHODS[method](histogram)) if histogram.counts.any() else 0.0


def _constant_span(value: np.ndarray) -> tuple[float, float]:
    return min(0.0, float(value.min())), max(0.0, float(value.max()))


def digest(path: Path) -> str:
    """The sha256 of a file. Raises BundleError if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BundleError(f"{path}: expected a network file, got {error.strerror}. Check the path") from error
