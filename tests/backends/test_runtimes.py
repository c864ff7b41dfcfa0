"""The choice of a runtime for the CPU, with times that are given: none of these tests measures."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from perception.backends import kept, runtimes
from perception.backends.runtimes import FIRST, Network, agreeing, fastest, in_turns, runtime_for
from perception.backends.scripted import ScriptedBackend
from perception.errors import BackendUnavailable
from tests.conftest import SHAPES, SIZE

ROOT = Path(__file__).parents[2]
NAMES = ["onnxruntime", "openvino"]
pytestmark = pytest.mark.skipif(
    find_spec("openvino") is None, reason="needs openvino: pip install 'perception[openvino]'"
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PERCEPTION_RUNTIME")
    return tmp_path / "cache" / "perception" / "runtimes"


@pytest.fixture
def network(tiny_bundle) -> Network:
    return Network(tiny_bundle / "network.onnx", ("lanes.map", "lanes.edges"), 1, SHAPES, SIZE)


class Stopwatch:
    """Times that are given, and how often they were asked for."""

    def __init__(self, onnxruntime: float = 9.0, openvino: float | None = 5.0) -> None:
        given = {"onnxruntime": onnxruntime, "openvino": openvino}
        self.times = {name: ms for name, ms in given.items() if ms is not None}
        self.asked = 0

    def __call__(self, network, names):
        assert names == NAMES
        self.asked += 1
        return self.times


@pytest.mark.parametrize(
    ("ms", "choice"), [(4.0, "openvino"), (9.0, "openvino"), (9.2, FIRST), (10.0, FIRST), (30.0, FIRST)]
)
def test_another_is_taken_if_it_is_a_tenth_faster(network, ms, choice):
    assert runtime_for(network, measure=Stopwatch(10.0, ms)) == choice
    assert fastest({FIRST: 10.0, "openvino": ms}) == choice


def test_it_is_measured_once_and_the_log_says_it_every_time(network, caplog):
    caplog.set_level(logging.INFO)
    watch = Stopwatch()
    assert [runtime_for(network, measure=watch) for _ in range(3)] == ["openvino"] * 3
    assert watch.asked == 1
    said = "network.onnx on openvino: ms of processor time: onnxruntime 9.00, openvino 5.00"
    assert [record.getMessage() for record in caplog.records] == [said] * 3


def test_other_weights_outputs_sizes_or_threads_are_measured_anew(network, tiny_bundle):
    watch = Stopwatch()
    for other in (
        network,
        replace(network, threads=2),
        replace(network, size=(320, 192)),
        replace(network, outputs=("drivable.map",)),
        Network(tiny_bundle / "signs.onnx", ("signs.logits",), 1),
    ):
        runtime_for(other, measure=watch)
    assert watch.asked == 5


def test_the_key_names_processor_and_versions(network):
    of = runtimes.identity(network, NAMES)
    assert set(of["runtimes"]) == set(NAMES)
    assert all(of["runtimes"].values())
    assert of["processor"] == dict(runtimes.processor())


@pytest.mark.parametrize("content", [b"", b"{}", b"\0" * 200])
def test_damaged_times_are_measured_again(network, cache, content):
    runtime_for(network, measure=Stopwatch())
    (path,) = cache.iterdir()
    path.write_bytes(content)
    watch = Stopwatch(openvino=20.0)
    assert runtime_for(network, measure=watch) == FIRST
    assert (watch.asked, runtimes.times_of(network, NAMES, watch)) == (1, watch.times)


def test_where_nothing_can_be_kept_it_chooses_all_the_same(network, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    watch = Stopwatch()
    assert [runtime_for(network, measure=watch) for _ in range(2)] == ["openvino"] * 2
    assert watch.asked == 2


def test_one_that_failed_is_tried_again_at_the_next_start(network):
    assert runtime_for(network, measure=Stopwatch(openvino=None)) == FIRST
    assert runtime_for(network, measure=Stopwatch()) == "openvino"


def test_what_is_named_is_taken_unmeasured(network, monkeypatch):
    watch = Stopwatch()
    assert [runtime_for(network, name, watch) for name in NAMES] == NAMES
    monkeypatch.setenv("PERCEPTION_RUNTIME", "openvino")
    assert [runtime_for(network, name, watch) for name in ("auto", FIRST)] == ["openvino", FIRST]
    assert watch.asked == 0


def test_one_that_is_not_there(network, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert runtime_for(network, measure=Stopwatch()) == FIRST
    with pytest.raises(
        BackendUnavailable, match=r"'openvino': expected it to be installed.*perception\[openv"
    ):
        runtime_for(network, "openvino")
    with pytest.raises(
        BackendUnavailable, match="expected a runtime of auto, onnxruntime, openvino, got 'ncnn'"
    ):
        runtime_for(network, "ncnn")


def answering(value: float) -> ScriptedBackend:
    return ScriptedBackend([{"a": np.float32([[0, 1, 2, value]])}] * 99)


@pytest.mark.parametrize(("value", "kept"), [(3.0, True), (3.3, True), (4.0, False), (np.nan, False)])
def test_another_answer_is_no_answer(value, kept, caplog):
    backends = {FIRST: answering(3.0), "openvino": answering(value)}
    assert ("openvino" in agreeing(backends, np.zeros(1))) == kept
    assert ("its answer differs" in caplog.text) != kept


def test_the_first_stays_whatever_it_answers():
    backends = {FIRST: answering(np.nan), "openvino": answering(np.nan)}
    assert list(agreeing(backends, np.zeros(1))) == [FIRST]


def test_all_are_timed():
    times = in_turns({FIRST: answering(1.0), "openvino": answering(1.0)}, np.zeros(1))
    assert set(times) == set(NAMES)
    assert all(0 <= ms < 1e4 for ms in times.values())


def test_a_real_network_is_measured_and_closed(network):
    assert set(runtimes.measured(network, NAMES)) == set(NAMES)


@pytest.mark.parametrize("faster", NAMES)
def test_a_start_imports_only_the_one_that_it_takes(network, tiny_bundle, faster):
    times = dict.fromkeys(NAMES, 9.0) | {faster: 1.0}
    runtimes.times_of(network, NAMES, lambda network, names: times)
    code = f"import sys, perception; perception.load({str(tiny_bundle)!r}, 'cpu', ['lanes'], threads=1)"
    code += f"; print(*[name for name in {NAMES} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ, capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == (faster, "")


def test_what_is_kept_is_whole_or_not_there(tmp_path):
    path = tmp_path / "new" / "file"
    assert kept.read(path) == b""
    assert kept.write(path, b"content")
    assert kept.read(path) == b"content"
    path.write_bytes(path.read_bytes()[:-1])
    assert kept.read(path) == b""
    assert [*path.parent.iterdir()] == [path]
    assert not kept.write(path / "below a file", b"x")


def test_who_has_no_home_keeps_nothing_and_goes_on(monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
    path = kept.folder("runtimes") / "file"
    assert not kept.write(path, b"content")
    assert kept.read(path) == b""
