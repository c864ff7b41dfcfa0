"""The packages of the run time against their floors."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from deploy.doctor.finding import Finding, degraded, ok, unusable
from deploy.doctor.machine import Machine

FLOORS = {  # setup.py says the same; OpenCV comes under several names, and from JetPack without one
    "numpy": (1, 26),
    "onnxruntime": (1, 18),
    "numba": (0, 59),
    "av": (12,),
    "typer": (0, 12),
    "rich": (13,),
    "pyyaml": (6,),
}
MODULES = {"pyyaml": "yaml"}  # where a package is imported by another name
OPENCV = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
OPENCV_FLOOR = (4, 8)
INSTALL = "pip install --upgrade"


def packages(machine: Machine) -> Finding:
    """Which are missing or too old, and what does not go together."""
    found: dict[str, Any] = {name: installed(name) for name in FLOORS}
    missing = [name for name in FLOORS if find_spec(MODULES.get(name, name)) is None] + ["cv2"] * (
        find_spec("cv2") is None
    )
    if missing:
        return unusable(f"missing: {', '.join(missing)}", _advice(missing), **found)
    old = [f"{name} {text}" for name, text in found.items() if text and numbers(text) < FLOORS[name]]
    if old:
        return unusable(f"too old: {', '.join(old)}", _advice(old), **found)
    if machine.architecture == "aarch64" and installed("onnxruntime-gpu"):
        return degraded(
            "onnxruntime-gpu, whose aarch64 wheel is for servers and hides the CPU's on a Jetson",
            "pip uninstall onnxruntime-gpu onnxruntime && pip install onnxruntime",
            **found,
        )
    double = [f"{name} {text}" for name in OPENCV if (text := installed(name))]
    if len(double) > 1:
        return degraded(f"several OpenCVs: {', '.join(double)}", "Uninstall all but one", **found)
    return ok(", ".join(f"{name} {text}" for name, text in found.items() if text), **found)


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[^\d.]", text)[0]))


def _advice(names: list[str]) -> str:
    wanted = {**FLOORS, "cv2": OPENCV_FLOOR}
    wheels = [name.split()[0] for name in names]
    floors = [
        f"'{'opencv-python-headless' if name == 'cv2' else name}>={'.'.join(map(str, wanted[name]))}'"
        for name in wheels
    ]
    return f"{INSTALL} {' '.join(floors)}"
