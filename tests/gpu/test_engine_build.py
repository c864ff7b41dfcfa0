"""How an engine is built, by version and options; read from the header of the fake TensorRT's engines."""

from __future__ import annotations

import json

import pytest

from deploy.engine_build import build
from perception.backends import kept
from perception.backends.engine_cache import EngineOptions
from perception.backends.trt import TrtRunner
from perception.errors import BackendUnavailable, BundleError
from tests.gpu.tensorrt_fake import SHAPE, HostMemory, fake_tensorrt, network
from tests.gpu.test_trt_runner import VERSIONS

OLD = [version for version in VERSIONS if version.startswith("8")]
NEW = [version for version in VERSIONS if version not in OLD]


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory):
    return network(tmp_path_factory.mktemp("network") / "small.onnx")


def header(plan):
    return json.loads(plan.split(b"\n", 2)[1])


def built(trt, file, timing=None, report=lambda *news: None, **options):
    return build(trt, file.read_bytes(), EngineOptions(**options), timing, report)


@pytest.mark.parametrize("version", NEW)
@pytest.mark.parametrize("precision", ["trt.int8", "fp16", "fp32"])
def test_from_10_on_the_network_has_the_types_and_no_flag_is_set(version, precision, onnx_file):
    with fake_tensorrt(version) as trt:
        seen = header(built(trt, onnx_file, precision=precision))
    assert "STRONGLY_TYPED" in seen["network"]
    assert (seen["flags"], seen["dla"]) == ([], None)


@pytest.mark.parametrize("version", OLD)
def test_before_10_the_builder_is_told_by_flags(version, onnx_file):
    with fake_tensorrt(version) as trt:
        seen = header(built(trt, onnx_file, precision="trt.int8"))
        with pytest.raises(BackendUnavailable, match="Q/DQ layers need the INT8 flag"):
            built(trt, onnx_file, precision="fp16")
    assert (seen["network"], seen["flags"]) == (["EXPLICIT_BATCH"], ["INT8"])


def test_the_workspace_is_a_limit(onnx_file):
    with fake_tensorrt() as trt:
        assert header(built(trt, onnx_file, workspace_mb=300))["pools"] == {"WORKSPACE": 300 * 2**20}


@pytest.mark.parametrize("version", ["10.16.1.11", "11.0.0.114"])
def test_a_dla_that_this_version_lacks_is_refused(version, onnx_file):
    with (
        fake_tensorrt(version) as trt,
        pytest.raises(BackendUnavailable, match=r"got 0 cores.*leave out --dla"),
    ):
        built(trt, onnx_file, precision="fp16", dla_core=0)


@pytest.mark.parametrize("core", [-1, 2])
def test_a_dla_core_that_is_not_there_is_refused(core, onnx_file):
    with fake_tensorrt("11.4.0.106") as trt, pytest.raises(BackendUnavailable, match="got 2 cores"):
        built(trt, onnx_file, dla_core=core)


def test_from_11_on_a_dla_takes_the_network_as_it_is(onnx_file):
    with fake_tensorrt("11.4.0.106") as trt:
        seen = header(built(trt, onnx_file, dla_core=1))
    assert (seen["dla"], seen["flags"], seen["network"]) == (1, ["GPU_FALLBACK"], ["STRONGLY_TYPED"])


@pytest.mark.parametrize("version", ["8.6.1", "10.3.0"])
def test_before_11_a_dla_takes_fp16_by_flag(version, onnx_file, tmp_path):
    plain = plain_network(tmp_path / "plain.onnx")
    with fake_tensorrt(version) as trt:
        seen = header(built(trt, plain, precision="fp16", dla_core=0, batch=16))
        with pytest.raises(BackendUnavailable, match="choose --precision fp16"):
            built(trt, onnx_file, precision="trt.int8", dla_core=0)
    assert (seen["dla"], seen["flags"], seen["network"]) == (0, ["FP16", "GPU_FALLBACK"], ["EXPLICIT_BATCH"])


def plain_network(path):
    """Without Q/DQ."""
    from tests.networks import sign_network

    sign_network(path, 43)
    return path


@pytest.mark.parametrize("batch", [1, 16])
def test_a_free_batch_gets_a_size(batch, tmp_path):
    file = plain_network(tmp_path / "signs.onnx")
    with fake_tensorrt() as trt:
        runner = TrtRunner(built(trt, file, precision="fp32", batch=batch), HostMemory())
        assert runner.outputs["signs.logits"].shape == (batch, 43)
        with pytest.raises(BundleError, match=r"image \(-1, 64, 64, 3\)"):
            built(trt, file, precision="fp32")


def test_a_network_may_be_cut_to_some_outputs(tmp_path, onnx_file):
    from perception.backends.onnx_cut import cut

    file = tmp_path / "cut.onnx"
    file.write_bytes(cut(onnx_file.read_bytes(), ["lanes.map"]))
    with fake_tensorrt() as trt:
        runner = TrtRunner(built(trt, file), HostMemory())
    assert (list(runner.inputs), list(runner.outputs)) == (["image"], ["lanes.map"])


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        ("parse", BundleError, "that TensorRT parses, got no importer for Fault"),
        ("build", BackendUnavailable, "got Could not find any implementation for node Conv_0"),
    ],
)
def test_a_refusal_gives_tensorrt_s_reason(fault, error, text, onnx_file):
    with fake_tensorrt(fault=fault) as trt, pytest.raises(error, match=text):
        built(trt, onnx_file)


def test_what_is_no_network_is_refused(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"not a network")
    with fake_tensorrt() as trt, pytest.raises(BundleError, match="that TensorRT parses"):
        built(trt, tmp_path / "bad.onnx")


def test_the_next_build_starts_from_what_was_measured(onnx_file, tmp_path):
    timing, stored = tmp_path / "a.timing", "timing of 10.3.0"
    with fake_tensorrt("10.3.0") as trt:
        first = header(built(trt, onnx_file, timing))["timing"]
        assert (first, kept.read(timing)) == ("", stored.encode())
        assert header(built(trt, onnx_file, timing))["timing"] == stored
    with fake_tensorrt("10.7.0") as trt:
        assert header(built(trt, onnx_file, timing))["timing"] == "", "of another version: refused, not used"


def test_a_damaged_timing_cache_is_not_used(onnx_file, tmp_path):
    timing = tmp_path / "a.timing"
    with fake_tensorrt() as trt:
        built(trt, onnx_file, timing)
        data = bytearray(timing.read_bytes())
        data[-1] ^= 1
        timing.write_bytes(data)
        assert kept.read(timing) == b""
        assert header(built(trt, onnx_file, timing))["timing"] == ""


@pytest.mark.parametrize("version", VERSIONS)
def test_progress_is_told_where_tensorrt_tells(version, onnx_file):
    news = []
    with fake_tensorrt(version) as trt:
        built(trt, onnx_file, report=lambda *step: news.append(step))
    steps = [("Building", step, 3) for step in range(4)]
    assert news == ([] if version in OLD else steps)


def test_an_unknown_precision_is_refused():
    with pytest.raises(BundleError, match=r"expected precision trt\.int8, fp16, fp32, got 'int4'"):
        EngineOptions(precision="int4")


def test_the_shape_is_that_of_the_network(onnx_file):
    with fake_tensorrt() as trt:
        assert TrtRunner(built(trt, onnx_file, batch=7), HostMemory()).inputs["image"].shape == SHAPE
