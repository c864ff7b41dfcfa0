"""The bench: that it times what it says. How fast is for the machine to say."""

import json
import time
from pathlib import Path

import numpy as np
import onnx
import pytest

from perception.backends.runtimes import installed
from perception.errors import BundleError, PerceptionError
from perception.evaluation.bench.clock import interleaved, timed
from perception.evaluation.bench.command import bench
from perception.evaluation.bench.fresh import fresh
from perception.evaluation.bench.machine import machine
from perception.evaluation.bench.peak import LAYERS, ConvChain, chain
from perception.evaluation.bench.stages import WARM_UP, time_stages
from perception.pipeline import Pipeline
from perception.sinks.video import ENCODERS, Film, available
from perception.types import Frame


@pytest.fixture
def clip(tmp_path):
    """Twelve frames of noise."""
    film = Film(tmp_path / "clip.mp4", next(filter(available, ENCODERS)), (320, 180), 20)
    rng = np.random.default_rng(0)
    for i in range(12):
        film.add(rng.integers(0, 256, (180, 320, 3), np.uint8), i * 50_000_000)
    film.finish()
    return tmp_path / "clip.mp4"


def test_the_handwritten_model_is_an_onnx_model():
    model = onnx.load_model_from_string(chain(32, 6, 8))
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["QLinearConv"] * LAYERS
    weights = next(t for t in model.graph.initializer if t.name == "weights")
    assert tuple(weights.dims) == (32, 32, 3, 3)


def test_a_chain_counts_two_operations_for_each_product():
    multiplications = LAYERS * (6 * 8 * 32) * (32 * 3 * 3)  # outputs times weights that reach each
    assert ConvChain(32, 6, 8).operations == 2 * multiplications


def test_calls_take_turns_and_the_first_of_a_turn_is_not_counted():
    order = []
    times = interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2, repeats=1)
    assert order == list("aabbaabb")
    assert len(times["a"].wall) == len(times["b"].cpu) == 2


def test_sleep_is_wall_time_and_no_processor_time():
    _, wall, cpu = timed(time.sleep, 0.05)
    assert wall > 45
    assert cpu < 20


class Still:
    """One grey picture, five times; a live camera would give more."""

    live = images = False
    fps = None
    lost = 0

    def __iter__(self):
        return (Frame(np.full((90, 160, 3), 90, np.uint8), 0, i) for i in range(5))

    def close(self): ...


class Sleepy:
    device, input_size = "cpu", (64, 32)

    def __call__(self, tensor):
        time.sleep(0.02)
        return {}

    def close(self): ...


def test_what_is_around_the_network_is_timed_without_it():
    sizes = []
    pipeline = Pipeline(Sleepy(), lambda image, box: sizes.append(box.image), [])
    report = time_stages(pipeline, Still(), 7)
    assert report["networks"]["wall_ms"] > 15
    assert report["around"]["wall_ms"] < 10
    assert report["frames"] == 7
    assert sizes == [(1280, 720)] * (7 + WARM_UP)  # the source began again, and its frames were enlarged


def test_the_machine_is_named():
    facts = machine()
    assert facts["processor"]
    assert facts["cores"] >= 1
    assert facts["onnxruntime"]


def test_a_fresh_process_that_fails_says_why(clip, tmp_path):
    with pytest.raises(PerceptionError, match="BundleError"):
        fresh(str(clip), tmp_path / "absent")


def test_a_whole_bench_is_shown_and_written(clip, tiny_bundle, tmp_path, capsys):
    path = tmp_path / "bench.json"
    bench(path, str(clip), tiny_bundle, frames=3, rounds=1, starts=1)
    report = json.loads(path.read_text())
    assert report["pipeline"]["stages_ms"].keys() >= {"video", "preprocess", "network", "lanes", "total"}
    rows = {"int8 1", "int8 2", "fp32 1", "fp32 2"}
    assert rows <= report["network"].keys() <= rows | {f"{row} openvino" for row in rows}
    assert ("int8 2 openvino" in report["network"]) == ("openvino" in installed())
    assert report["pipeline"]["runtimes"] == {"main": "onnxruntime", "signs": "onnxruntime"}
    assert report["process"]["frames"] == 12
    assert report["process"]["peak_mb"] > 50
    assert 0 < report["process"]["first_scene_s"] < 60
    assert "peak memory" in capsys.readouterr().out


def test_the_input_size_is_said(clip, tiny_bundle, capsys):
    report = bench(None, str(clip), tiny_bundle, frames=3, rounds=1, starts=1, input_size="0.5x")
    assert report["input_size"] == [480, 256]
    assert "480 x 256" in capsys.readouterr().out


def test_a_bad_bundle_ends_it_before_anything_is_timed(tmp_path):
    with pytest.raises(BundleError):
        bench(bundle=Path(tmp_path))
