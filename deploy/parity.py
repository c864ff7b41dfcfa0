"""Does the INT8 network say what the float one says? Per output, on real images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime as ort

from perception.errors import BundleError

LIMIT = 12.0  # dB: below this a head is broken (an output that lost its scale has about 0)


def check(
    folder: Path, files: Mapping[str, Mapping[str, str]], inputs: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Signal to quantisation noise of each INT8 output, in dB: 10 log10(var(float) / mean((float - int8)^2)).

    Raises BundleError if one is below LIMIT.
    """
    agreement = {}
    for network, images in inputs.items():
        truth = _run(folder / files["fp32"][network], images)
        seen = _run(folder / files["int8"][network], images)
        for name, value in truth.items():
            noise = float(np.mean((value - seen[name]) ** 2)) + 1e-12
            agreement[name] = round(10 * float(np.log10(value.var() / noise)), 1)
    broken = {name: value for name, value in agreement.items() if value < LIMIT}
    if broken:
        raise BundleError(
            f"expected INT8 outputs within {LIMIT} dB of the float ones, got {broken}; "
            "calibrate on more images, or train longer"
        )
    return agreement


def _run(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs by name over all images, one image at a time."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    feed = session.get_inputs()[0].name
    rows = [session.run(names, {feed: image[None]}) for image in images]
    return {name: np.concatenate([row[i] for row in rows]) for i, name in enumerate(names)}
