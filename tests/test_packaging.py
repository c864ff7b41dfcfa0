"""An installed wheel runs without the training packages, far from the source tree, with its own bundle."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRAINING = ["torch", "torchvision", "onnx", "onnxscript", "matplotlib", "tensorboard", "faster_coco_eval"]
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def succeed(command: list[str], **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy of what the wheel is made of: building writes into the source tree."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for top in ("perception", "calibration", "deploy", "setup.py", "pyproject.toml", "README.md"):
        if (ROOT / top).exists():
            succeed(["cp", "-r", str(ROOT / top), str(source)])
    flags = ["--no-deps", "--no-build-isolation", "--no-index"]
    succeed([*PIP, "wheel", *flags, "--wheel-dir", str(target), str(source)])
    return next(target.glob("perception-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("site")
    succeed([*PIP, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)])
    return target


def test_the_wheel_holds_the_bundle_and_every_module(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "perception").rglob("*.py")}
    assert modules - names == set()
    assert {f"perception/bundles/road/{file}" for file in ("model.json", "README.md")} - names == set()
    assert not [name for name in names if name.startswith(("tests", "tools"))]


def test_the_installed_package_loads_and_sees_without_the_training_packages(installed, tmp_path):
    code = f"""
import sys
sys.modules.update(dict.fromkeys({TRAINING}))
import numpy as np, perception
assert perception.__file__.startswith({str(installed)!r}), perception.__file__
scene = perception.load()(perception.Frame(np.zeros((720, 1280, 3), np.uint8), 0, 0))
print(None not in (scene.detections, scene.lanes, scene.signs, scene.drivable))
"""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    assert succeed([sys.executable, "-c", code], cwd=tmp_path, env=environment).strip() == "True"


def test_the_installed_command_runs(installed, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, str(installed / "bin" / "perception")]
    assert "road" in succeed([*command, "info"], cwd=tmp_path, env=environment)


def test_the_run_time_stays_without_the_training_packages(wheel):
    """What `pip install .` brings is in the wheel's metadata."""
    archive = zipfile.ZipFile(wheel)
    metadata = archive.read(next(n for n in archive.namelist() if n.endswith("METADATA"))).decode()
    needs = [line.split(": ")[1] for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    plain = {need.split(">")[0] for need in needs if "extra ==" not in need}
    assert plain == {
        "numpy",
        "opencv-python-headless",
        "onnxruntime",
        "numba",
        "av",
        "typer",
        "rich",
        "pyyaml",
    }
    assert not [need for need in needs if "==" in need.split(";")[0]], "floors, not pins"
    python = next(line for line in metadata.splitlines() if line.startswith("Requires-Python: "))
    assert set(python.split(": ")[1].split(",")) == {">=3.10", "<3.14"}
