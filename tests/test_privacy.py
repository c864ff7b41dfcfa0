"""Nothing leaves the machine, and nothing is kept of the user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SEEN = """
import numpy as np, perception, sys
perception.load(sys.argv[1])(perception.Frame(np.zeros((72, 128, 3), np.uint8), 0, 0))
"""


def python(code: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """`code` in a fresh process whose environment says nothing of telemetry."""
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment | variables, check=True, capture_output=True)


@pytest.mark.parametrize("package", ["perception", "calibration", "deploy"])
def test_telemetry_is_off_before_onnxruntime_is_imported(package):
    check = "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1' and 'onnxruntime' not in sys.modules"
    python(f"import os, sys, {package}; {check}")


def test_a_pipeline_leaves_nothing_of_onnxruntime_with_the_user(tiny_bundle, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    python(SEEN, str(tiny_bundle), HOME=str(home), XDG_CACHE_HOME=str(home / ".cache"))
    assert not [path for path in home.rglob("*") if "onnxruntime" in path.name]
