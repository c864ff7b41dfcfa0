"""How far the metrics of a bundle move without a better or worse network: is a difference one at all?

    python -m tools.repeatability --data DIR --out FILE [--bundle DIR] [--draws 6] [--frames 192]

`noise`: the float network when a camera adds noise of one grey level (standard deviation). `percentile`,
`mse`, `minmax`: INT8 of the frame network by that method. Each draw has other noise or other calibration
frames. FILE, JSON, gets the metrics of `perception evaluate --split val` for every draw, and those of float
without noise.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from calibration.int8 import frames
from calibration.int8.scales import calibrate
from deploy import parity
from deploy.noise import with_noise
from deploy.quantize import for_cpu
from perception import bundle
from perception.bundle import MAIN, SHIPPED
from perception.sinks.files import write_whole
from perception.training.data import SOURCES

LEVELS = 1.0  # grey levels of noise
METHODS = ("percentile", "mse", "minmax")


def metrics(folder: Path, data: Path, precision: str) -> dict[str, float]:
    """What `perception evaluate` finds, by name."""
    out = folder / "metrics.json"
    given = ["--data", str(data), "--split", "val", "--bundle", str(folder), "--precision", precision]
    command = [sys.executable, "-m", "perception", "evaluate", *given, "--workers", "2", "--json", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return dict(json.loads(out.read_text())["metrics"])


def measured(source: Path, data: Path, precision: str, change: Callable[[Path], None]) -> dict[str, float]:
    """The metrics of a copy of a bundle that `change` has had its way with."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "bundle"
        shutil.copytree(source, copy)
        change(copy)
        bundle.write(copy, bundle.read(source))
        return metrics(copy, data, precision)


def main() -> None:
    parser = argparse.ArgumentParser(description="How far metrics move from draw to draw.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, default=SHIPPED)
    parser.add_argument("--draws", type=int, default=6)
    parser.add_argument("--frames", type=int, default=frames.COUNT)
    given = parser.parse_args()
    spec = bundle.read(given.bundle)
    float_files, int8_files = spec.files["fp32"], spec.files["int8"]

    @cache
    def images(seed: int) -> np.ndarray:
        read = {name: reader(given.data) for name, reader in SOURCES.items()}
        return frames.frames(read, spec.input_size, given.frames, seed)

    def noisy(folder: Path, seed: int) -> None:
        for file in float_files.values():
            with_noise(folder / file, LEVELS, seed)

    def calibrated(folder: Path, method: str, seed: int) -> None:
        source = folder / float_files[MAIN]
        scales = calibrate(source, images(seed), method, floors=parity.FLOORS)
        for_cpu(source, scales, folder / int8_files[MAIN])

    def draw(name: str, seed: int) -> dict[str, float]:
        print(f"{name}, draw {seed + 1} of {given.draws}", flush=True)
        if name == "noise":
            return measured(given.bundle, given.data, "fp32", lambda folder: noisy(folder, seed))
        return measured(given.bundle, given.data, "int8", lambda folder: calibrated(folder, name, seed))

    plain = measured(given.bundle, given.data, "fp32", lambda folder: None)
    draws = {name: [draw(name, seed) for seed in range(given.draws)] for name in ("noise", *METHODS)}
    found = {"bundle": f"{spec.name} {spec.version}", "frames": given.frames, "fp32": plain, "draws": draws}
    write_whole(given.out, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
