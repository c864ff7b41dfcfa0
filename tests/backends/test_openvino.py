"""OpenVINO: nothing is sent, and what is kept of a compiled network is whole or made again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from perception.backends import kept
from perception.backends.openvino import OpenVinoBackend, load
from perception.errors import BackendUnavailable, BundleError
from tests.conftest import SHAPES
from tests.networks import sign_network

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    find_spec("openvino") is None, reason="needs openvino: pip install 'perception[openvino]'"
)
IMAGE = np.random.default_rng(0).integers(0, 256, (1, 384, 640, 3), np.uint8)
WATCHED = """
import json, socket, sys, threading
tried = []
socket.socket.connect = socket.socket.connect_ex = lambda *a: tried.append("connect")
socket.getaddrinfo = socket.gethostbyname = lambda *a, **k: tried.append("look up")
start = threading.Thread.start
threading.Thread.start = lambda self: (tried.append("thread"), start(self))
import perception
perception.load({bundle!r}, device="cpu", runtime="openvino", threads=1).close()
telemetry = [n for n in sys.modules if n.startswith("openvino_telemetry")]
print(json.dumps([tried, telemetry]))
"""


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "perception" / "openvino"


def lanes(bundle: Path) -> np.ndarray:
    return OpenVinoBackend(bundle / "network.onnx", ["lanes.map"], 1, SHAPES)(IMAGE)["lanes.map"]


def test_nothing_is_sent_and_nobody_is_numbered(tiny_bundle, tmp_path):
    """The package sends an event when it is imported, and keeps the number it gave this user in ~/intel."""
    code = WATCHED.format(bundle=str(tiny_bundle))
    environ = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environ = {name: value for name, value in environ.items() if name not in ("CI", "JENKINS_URL")}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [[], []]
    assert not (tmp_path / "intel").exists()


def test_the_compiled_network_is_kept_and_answers_the_same(tiny_bundle, cache):
    first = lanes(tiny_bundle)
    (blob,) = cache.iterdir()
    written = blob.stat().st_mtime_ns
    np.testing.assert_array_equal(lanes(tiny_bundle), first)
    assert blob.stat().st_mtime_ns == written


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_a_damaged_one_is_compiled_again(tiny_bundle, cache, damage):
    first = lanes(tiny_bundle)
    (blob,) = cache.iterdir()
    data = bytearray(blob.read_bytes())
    data[-len(data) // 3] ^= 255
    blob.write_bytes({"cut": data[: len(data) // 2], "flipped": data, "emptied": b""}[damage])
    np.testing.assert_array_equal(lanes(tiny_bundle), first)
    assert kept.read(blob), "it was written anew"


def test_other_outputs_or_weights_are_another_network(tiny_bundle, cache):
    for weight in (1.0, 2.0):
        sign_network(tiny_bundle / "signs.onnx", 43, weight)
        crops = np.full((1, 64, 64, 3), 7, np.uint8)
        logits = OpenVinoBackend(tiny_bundle / "signs.onnx", ["signs.logits"], 1)(crops)["signs.logits"]
        np.testing.assert_allclose(logits[0, :3], 7 * weight)
    assert len(list(cache.iterdir())) == 2


def test_without_a_cache_it_runs_all_the_same(tiny_bundle, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert np.isfinite(lanes(tiny_bundle)).all()


def test_a_network_it_cannot_run(tiny_bundle, cache):
    data = (tiny_bundle / "network.onnx").read_bytes()
    (tiny_bundle / "network.onnx").write_bytes(data.replace(b"Conv", b"Cnov"))
    with pytest.raises(BundleError, match=r"network\.onnx: expected a network that OpenVINO .* can run"):
        lanes(tiny_bundle)


def test_one_that_does_not_load(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(BackendUnavailable, match=r"expected OpenVINO to load.*pip install"):
        load()


SIGNALLED = """
import gc, os, signal, sys
from pathlib import Path
from perception.backends.openvino import OpenVinoBackend

heard = []
signal.signal(signal.SIGINT, lambda *_: heard.append(1))
first, second = (OpenVinoBackend(Path({path!r}), ["drivable.map"], 1) for _ in range(2))
del first
gc.collect()
del second
gc.collect()
os.kill(os.getpid(), signal.SIGINT)
sys.exit(0 if heard else 1)
"""


def test_a_signal_after_two_networks_are_gone_is_heard(tiny_bundle):
    """It found no stack to be handled on: a segmentation fault, of which no handler could tell."""
    code = SIGNALLED.format(path=str(tiny_bundle / "network.onnx"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
