"""Pictures made worse, to measure how robust a network is. Never used for training: a test forbids it.

The 15 + 4 kinds and their levels follow ImageNet-C (Hendrycks and Dietterich 2019, "Benchmarking Neural
Network Robustness to Common Corruptions and Perturbations"; for pictures of roads Michaelis et al. 2019,
"Benchmarking Robustness in Object Detection"). All are implemented anew. Where they differ:

- Lengths such as the width of a blur hold in a picture 640 wide, about as large as the network sees it, and
  grow with larger pictures. Noise is of each pixel of the camera, as its sensor makes it.
- Frost is drawn, not a photograph. Levels that mix two things there grow in one here: elastic bends, saturate
  only adds colour, fog keeps its grain, and frost and snow cover more.
- A frame's noise, drops or dirt are the same at each severity: only the strength differs.

To add one: a function in the file of its family, and a line in CORRUPTIONS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from perception.corruptions import blur, camera, digital, noise, weather
from perception.errors import PerceptionError

SEVERITIES = (1, 2, 3, 4, 5)
BENCHMARK, EXTRA, ROAD = GROUPS = ("benchmark", "extra", "road")
ALL = "all"

Change = Callable[[np.ndarray, Any, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Corruption:
    """One kind; `change` makes (h, w, 3) uint8 BGR of another of the same size, at a level."""

    group: str  # of GROUPS: the 15 of the benchmark, its extra four, those of cameras on roads
    change: Change
    levels: tuple[Any, Any, Any, Any, Any]  # of the severities; what they are: see the function


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian_noise": Corruption(BENCHMARK, noise.gaussian, (0.08, 0.12, 0.18, 0.26, 0.38)),
    "shot_noise": Corruption(BENCHMARK, noise.shot, (60, 25, 12, 5, 3)),
    "impulse_noise": Corruption(BENCHMARK, noise.impulse, (0.03, 0.06, 0.09, 0.17, 0.27)),
    "defocus_blur": Corruption(BENCHMARK, blur.defocus, (3, 4, 6, 8, 10)),
    "glass_blur": Corruption(
        BENCHMARK, blur.glass, ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2))
    ),
    "motion_blur": Corruption(BENCHMARK, blur.motion, (1.8, 3.0, 4.8, 7.2, 9.0)),
    "zoom_blur": Corruption(BENCHMARK, blur.zoom, (1.10, 1.15, 1.20, 1.25, 1.30)),
    "snow": Corruption(
        BENCHMARK, weather.snow, ((0.02, 0.9), (0.035, 0.8), (0.05, 0.7), (0.07, 0.65), (0.1, 0.55))
    ),
    "frost": Corruption(BENCHMARK, weather.frost, (0.3, 0.45, 0.6, 0.7, 0.8)),
    "fog": Corruption(BENCHMARK, weather.fog, (1.5, 2.0, 2.5, 3.0, 4.0)),
    "brightness": Corruption(BENCHMARK, digital.brightness, (0.1, 0.2, 0.3, 0.4, 0.5)),
    "contrast": Corruption(BENCHMARK, digital.contrast, (0.4, 0.3, 0.2, 0.1, 0.05)),
    "elastic": Corruption(BENCHMARK, digital.elastic, (0.6, 0.9, 1.3, 1.8, 2.4)),
    "pixelate": Corruption(BENCHMARK, digital.pixelate, (0.6, 0.5, 0.4, 0.3, 0.25)),
    "jpeg": Corruption(BENCHMARK, digital.jpeg, (25, 18, 15, 10, 7)),
    "speckle_noise": Corruption(EXTRA, noise.speckle, (0.15, 0.2, 0.35, 0.45, 0.6)),
    "gaussian_blur": Corruption(EXTRA, blur.gaussian, (1, 2, 3, 4, 6)),
    "spatter": Corruption(EXTRA, camera.spatter, (0.04, 0.08, 0.13, 0.19, 0.26)),
    "saturate": Corruption(EXTRA, digital.saturate, ((2, 0.0), (3, 0.05), (5, 0.1), (10, 0.15), (20, 0.2))),
    "rain": Corruption(ROAD, weather.rain, (0.08, 0.15, 0.25, 0.35, 0.5)),
    "night": Corruption(ROAD, weather.night, (2.0, 3.0, 4.0, 5.0, 6.0)),
    "glare": Corruption(ROAD, camera.glare, (0.3, 0.5, 0.8, 1.2, 1.7)),
    "dirt": Corruption(ROAD, camera.dirt, (0.05, 0.1, 0.17, 0.26, 0.36)),
    "underexposed": Corruption(ROAD, camera.exposed, (-1.0, -2.0, -3.0, -4.0, -5.0)),
    "overexposed": Corruption(ROAD, camera.exposed, (0.5, 1.0, 1.5, 2.0, 2.5)),
    "dropped_lines": Corruption(ROAD, camera.dropped_lines, (0.02, 0.05, 0.1, 0.2, 0.3)),
}


def corrupted(image: np.ndarray, name: str, severity: int, seed: int | Sequence[int] = 0) -> np.ndarray:
    """(h, w, 3) uint8 BGR of any size, made worse at a severity of 1 to 5; one seed, one picture."""
    if severity not in SEVERITIES:
        raise ValueError(f"expected a severity of {SEVERITIES}, got {severity}")
    kind = CORRUPTIONS[name]
    numbers = [seed] if isinstance(seed, int) else seed
    rng = np.random.default_rng([crc32(name.encode()), *numbers])
    return kind.change(image, kind.levels[severity - 1], rng)


def chosen(text: str) -> tuple[str, ...]:
    """Of "all", groups and names, separated by commas, in the order of the table. Raises PerceptionError."""
    wanted = {word.strip().lower().replace("-", "_") for word in text.split(",") if word.strip()}
    unknown = sorted(wanted - {ALL, *GROUPS, *CORRUPTIONS})
    if unknown or not wanted:
        raise PerceptionError(
            f"--corrupt: expected {ALL}, {', '.join(GROUPS)} or names of corruptions, got "
            f"{', '.join(unknown) or 'nothing'}. Choose from {', '.join(CORRUPTIONS)}"
        )
    return tuple(name for name, kind in CORRUPTIONS.items() if wanted & {ALL, kind.group, name})
