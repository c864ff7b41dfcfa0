"""Nothing leaves the machine, and nothing is kept of the user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources.clips import numbered
from tests.traces import traced

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


CALL = ("-c", "from perception.cli import main; main()")
HARMFUL = """
import pathlib, socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 53))
socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).bind(("::1", 0))
pathlib.Path("../outside").mkdir()
pathlib.Path("../outside/a.txt").write_text("")
"""
COMMANDS = {
    "run": "run CLIP --bundle BUNDLE --out OUT --save-maps",
    "evaluate": "evaluate DATA --bundle BUNDLE --out OUT --workers 2",
    "train": "train --data DATA --out OUT --preset quick --set steps=2 --set batch=2 --set size=[64,32] "
    "--set rendered=2 --set crops=2 --set workers=0",
    "node": "node --bus CLIP --bundle BUNDLE --max-frames 5",
}


def test_a_trace_sees_what_it_is_to_see(tmp_path):
    trace = traced(tmp_path, "-c", HARMFUL)
    assert trace.code == 0, trace.output
    assert trace.hosts == {"192.0.2.1"}
    assert trace.files == {tmp_path / "work" / "../outside", tmp_path / "outside" / "a.txt"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_talks_to_nobody_and_writes_where_it_was_told(tmp_path, tiny_bundle, folder, name):
    places = {"CLIP": numbered(tmp_path / "a.mp4"), "BUNDLE": tiny_bundle, "DATA": folder}
    places["OUT"] = tmp_path / "out"
    trace = traced(tmp_path, *CALL, *(str(places.get(word, word)) for word in COMMANDS[name].split()))
    assert trace.code == 0, trace.output
    assert trace.hosts == set()
    allowed = [tmp_path / place for place in ("out", "cache/perception", "temporary")]
    others = [path for path in trace.files if not any(place in (path, *path.parents) for place in allowed)]
    assert [path for path in others if "__pycache__" not in path.parts and path != tmp_path / "cache"] == []
