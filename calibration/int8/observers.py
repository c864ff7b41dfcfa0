"""What values the tensors of a network take on real images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort

from perception.convention import MEAN, SCALE

BINS = 4096  # on each side of zero

Progress = Callable[[np.ndarray, str], Iterable[np.ndarray]]  # images, what for


def unwatched(images: np.ndarray, what: str) -> Iterable[np.ndarray]:
    """No progress shown."""
    return images


@dataclass(frozen=True)
class Histogram:
    """Of magnitudes: `counts` (BINS,) of equal bins from 0 to `most`."""

    counts: np.ndarray
    most: float

    @property
    def centres(self) -> np.ndarray:
        """(BINS,) the magnitude that stands for each bin."""
        return (np.arange(len(self.counts)) + 0.5) * (self.most / len(self.counts))


@dataclass(frozen=True)
class Observed:
    """Of one tensor: its values below zero, by magnitude, and the others."""

    negative: Histogram
    positive: Histogram


def observe(
    model: onnx.ModelProto, tensors: Sequence[str], images: np.ndarray, progress: Progress = unwatched
) -> dict[str, Observed]:
    """Histograms of each tensor over `images` (n, h, w, 3) uint8. Two passes: how wide, then how often.

    `model`: a float network of normalised images (`graph.inner_network`).
    """
    low, high = dict.fromkeys(tensors, 0.0), dict.fromkeys(tensors, 0.0)
    for values in runs(model, tensors, progress(images, "ranges")):
        for name, value in values.items():
            low[name] = min(low[name], float(value.min()))
            high[name] = max(high[name], float(value.max()))
    most = {name: max(-low[name], high[name]) for name in tensors}
    counts = {name: np.zeros(2 * BINS, np.int64) for name in tensors}
    for values in runs(model, tensors, progress(images, "histograms")):
        for name, value in values.items():
            counts[name] += _count(value, most[name])
    return {name: _observed(counts[name], most[name]) for name in tensors}


def _count(value: np.ndarray, most: float) -> np.ndarray:
    """(2 BINS,) over -most..most, as np.histogram but four times as fast: equal bins need no search."""
    places = value.reshape(-1) * np.float32(BINS / max(most, 1e-30)) + np.float32(BINS)
    return np.bincount(np.clip(places.astype(np.int32), 0, 2 * BINS - 1), minlength=2 * BINS)


def _observed(counts: np.ndarray, most: float) -> Observed:
    return Observed(Histogram(counts[BINS - 1 :: -1], most), Histogram(counts[BINS:], most))


def runs(
    model: onnx.ModelProto, tensors: Sequence[str], images: Iterable[np.ndarray], simulated: bool = False
) -> Iterator[dict[str, np.ndarray]]:
    """For each image (h, w, 3) uint8 the values of the named tensors, inside the network or at its end.

    `simulated`: onnxruntime fuses nothing, so that rounding in the graph is computed as it stands there.
    """
    session = _session(model, tensors, simulated)
    name = session.get_inputs()[0].name
    for image in images:
        yield dict(zip(tensors, session.run(list(tensors), {name: normalised(image[None])}), strict=True))


def _session(model: onnx.ModelProto, tensors: Sequence[str], simulated: bool) -> ort.InferenceSession:
    """One thread, with `tensors` as outputs."""
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    del opened.graph.output[:]
    opened.graph.output.extend(onnx.ValueInfoProto(name=tensor) for tensor in tensors)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if simulated:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(opened.SerializeToString(), options, providers=["CPUExecutionProvider"])


def normalised(images: np.ndarray) -> np.ndarray:
    """(n, h, w, 3) uint8 to (n, 3, h, w) float32 as the network takes it."""
    floats = (images.astype(np.float32) - np.float32(MEAN)) / np.float32(SCALE)
    return np.ascontiguousarray(floats.transpose(0, 3, 1, 2))
