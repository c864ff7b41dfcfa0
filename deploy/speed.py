"""How fast is a sharing architecture in use? Untrained: weights do not change the time."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch

from calibration.int8.scales import calibrate
from deploy.export import export_frames
from deploy.quantize import for_cpu
from perception.backends.ort import OrtBackend
from perception.model.network import Network
from perception.model.specs import FRAME_TASKS, OUTPUTS
from perception.types import Size

ROUNDS = 40
CALIBRATION = 4  # images of noise: ranges do not change the time either


def speeds(sharing: Sequence[str], tasks: Collection[str], size: Size) -> dict[str, dict[str, float]]:
    """Architecture -> `fp32_ms` and `int8_ms` of one frame, medians, one thread, all taken in turns."""
    with tempfile.TemporaryDirectory() as folder:
        backends = {
            (name, precision): OrtBackend(path, _outputs(tasks), threads=1)
            for name in sharing
            for precision, path in _files(name, tasks, size, Path(folder)).items()
        }
        image = np.random.default_rng(0).integers(0, 256, (1, size[1], size[0], 3)).astype(np.uint8)
        times: dict[tuple[str, str], list[float]] = {key: [] for key in backends}
        for _ in range(ROUNDS):
            for key, backend in backends.items():
                start = perf_counter()
                backend(image)
                times[key].append(1000 * (perf_counter() - start))
    return {
        name: {f"{precision}_ms": round(median(times[name, precision]), 3) for precision in ("fp32", "int8")}
        for name in sharing
    }


def _outputs(tasks: Collection[str]) -> list[str]:
    return [output for task in FRAME_TASKS if task in tasks for output in OUTPUTS[task]]


def _files(sharing: str, tasks: Collection[str], size: Size, folder: Path) -> dict[str, Path]:
    torch.manual_seed(0)
    network = Network(tuple(tasks), sharing).eval()
    paths = {precision: folder / f"{sharing}.{precision}.onnx" for precision in ("fp32", "int8")}
    export_frames(network, size, paths["fp32"])
    noise = np.random.default_rng(0).integers(0, 256, (CALIBRATION, size[1], size[0], 3)).astype(np.uint8)
    for_cpu(paths["fp32"], calibrate(paths["fp32"], noise, "minmax", equal="none"), paths["int8"])
    return paths
