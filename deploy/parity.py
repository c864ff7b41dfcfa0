"""Does a network in fewer bits say what the float one says? Per output, on real images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from calibration.int8.sensitivity import signal_to_noise
from perception.backends import FOR_ANOTHER_DEVICE
from perception.backends.onnx_size import resized
from perception.backends.ort import exact_integers
from perception.backends.simulated import SimulatedBackend
from perception.errors import BundleError
from perception.input_size import fitting
from perception.model.specs import OUTPUTS
from perception.types import Size

LIMIT = 12.0  # dB: below this a head is broken (an output that lost its scale has about 0)

# Logits below these need not be told apart: scores under 0.03 % are background, and of lines nothing under
# 7 % is looked at (perception.kernels.strokes.SOFT). So the CPU file has steps of 0.04 to 0.06 above, not 0.1
# to 0.2; with those, many boxes had one score and their order was chance: 0.7 points of AP50 for vehicles.
FLOORS: Mapping[str, float] = dict.fromkeys(
    [*OUTPUTS["lanes"], *(name for name in OUTPUTS["detection"] if ".scores" in name)], -8.0
)


def check(
    folder: Path,
    files: Mapping[str, Mapping[str, str]],
    inputs: Mapping[str, np.ndarray],
    precision: str = "int8",
    limit: float = LIMIT,
) -> dict[str, float]:
    """Signal to noise of each output of a precision against fp32, in dB (`sensitivity.signal_to_noise`).

    `inputs`: network -> images (n, h, w, 3) uint8, at whose size the network is computed. Files for TensorRT
    are computed as written; values below FLOORS count as these. Raises BundleError if an output is below
    `limit`, or if a network does not take the size.
    """
    agreement = {}
    for network, images in inputs.items():
        truth = _run(folder / files["fp32"][network], images)
        path = folder / files[precision][network]
        seen = (
            _run_simulated(path, images, list(truth))
            if precision in FOR_ANOTHER_DEVICE
            else _run(path, images)
        )
        for name, value in truth.items():
            floor = FLOORS.get(name, -np.inf)
            noise = signal_to_noise(np.maximum(value, floor), np.maximum(seen[name], floor))
            agreement[name] = round(noise, 1)
    broken = {name: value for name, value in agreement.items() if not value >= limit}
    if broken:
        raise BundleError(
            f"expected {precision} outputs within {limit} dB of the float ones, got {broken} "
            f"at {_sizes(inputs)}; calibrate on more images, or train longer"
        )
    return agreement


def scaled(images: np.ndarray, factor: float) -> np.ndarray:
    """Images (n, h, w, 3) at the input size of `factor` times the cost."""
    height, width = images.shape[1:3]
    size = fitting((width, height), factor * width * height)
    return np.stack([cv2.resize(image, size, interpolation=cv2.INTER_LINEAR) for image in images])


def _sizes(inputs: Mapping[str, np.ndarray]) -> str:
    return ", ".join(f"{images.shape[2]} x {images.shape[1]}" for images in inputs.values())


def _size(images: np.ndarray) -> Size:
    return images.shape[2], images.shape[1]


def _run(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs by name over all images, one image at a time."""
    model = resized(path.read_bytes(), _size(images))
    options = ort.SessionOptions()
    exact_integers(options)
    try:
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        feed = session.get_inputs()[0].name
        rows = [session.run(names, {feed: image[None]}) for image in images]
    except Exception as error:  # onnxruntime's own errors have no common class but this
        raise BundleError(
            f"{path}: expected a network for any input size, got one that is not for {_size(images)}: "
            f"{error}. Its Reshape and Resize must take no constant sizes"
        ) from error
    return {name: np.concatenate([row[i] for row in rows]) for i, name in enumerate(names)}


def _run_simulated(path: Path, images: np.ndarray, names: list[str]) -> Mapping[str, np.ndarray]:
    return SimulatedBackend(path, names, threads=1, size=_size(images))(images)
