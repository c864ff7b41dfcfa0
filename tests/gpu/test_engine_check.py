"""Known answers: right engines agree, wrong ones do not."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.engine import Subprocess, engine
from deploy.engine_build import build
from deploy.engine_check import KnownAnswers, picture, signal_to_noise
from perception.backends.engine_cache import EngineCache, EngineOptions
from perception.errors import BundleError
from tests.gpu.tensorrt_fake import HostMemory, fake_tensorrt, network
from tests.gpu.test_engine_cache import ORIN

LANES = EngineOptions(outputs=("lanes.map",))


@pytest.fixture
def small(tmp_path):
    return network(tmp_path / "small.onnx")


def plan(trt, folder, file, options=EngineOptions()):  # noqa: B008 (frozen)
    path = folder / "engine.plan"
    path.write_bytes(build(trt, file.read_bytes(), options, None, lambda *news: None))
    return path


def test_an_engine_of_the_network_agrees(small, tmp_path):
    with fake_tensorrt() as trt:
        assert KnownAnswers(small, EngineOptions(), HostMemory())(plan(trt, tmp_path, small)) == ""


def test_an_engine_with_other_weights_does_not(small, tmp_path):
    other = network(tmp_path / "other.onnx", seed=1)
    with fake_tensorrt() as trt:
        said = KnownAnswers(small, EngineOptions(), HostMemory())(plan(trt, tmp_path, other))
    assert "lanes.map" in said
    assert "at least 20 dB are expected" in said


def test_an_engine_with_other_outputs_does_not(small, tmp_path):
    with fake_tensorrt() as trt:
        said = KnownAnswers(small, LANES, HostMemory())(plan(trt, tmp_path, small))
    assert said == "outputs drivable.map, lanes.map in place of lanes.map"


@pytest.mark.parametrize("batch", [1, 5])
def test_a_free_batch(batch, tmp_path):
    free, options = network(tmp_path / "free.onnx", ("n", 3, 8, 12)), EngineOptions(batch=batch)
    with fake_tensorrt() as trt:
        path = plan(trt, tmp_path, free, options)
        assert KnownAnswers(free, options, HostMemory())(path) == ""


def test_what_onnxruntime_does_not_take_is_told(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"not a network")
    with pytest.raises(BundleError, match="a network that onnxruntime"):
        KnownAnswers(tmp_path / "bad.onnx", EngineOptions(), HostMemory())


def test_an_engine_that_computes_something_else_is_never_kept(small, tmp_path):
    cache, check = EngineCache(tmp_path / "cache"), KnownAnswers(small, LANES, HostMemory())
    with fake_tensorrt(fault="wrong"), pytest.raises(BundleError, match=r"lanes\.map -?\d+ dB.*second one"):
        engine(small, LANES, ORIN, cache, check, build=Subprocess(60))
    with fake_tensorrt():
        assert check(engine(small, LANES, ORIN, cache, check, build=Subprocess(60))) == ""


def test_signal_to_noise():
    answer = np.random.default_rng(0).normal(0, 3, 10_000)
    noise = np.random.default_rng(1).normal(0, 0.3, 10_000)
    assert signal_to_noise(answer, answer + noise) == pytest.approx(20, abs=0.2)
    assert signal_to_noise(answer, answer) > 100
    assert signal_to_noise(answer, np.full(10_000, np.nan)) == float("-inf")


@pytest.mark.parametrize("shape", [(1, 3, 64, 96), (16, 3, 64, 64)])
def test_the_picture_is_normalised_smooth_and_the_same_each_time(shape):
    image = picture(shape)
    assert (image.shape, image.dtype) == (shape, np.float32)
    assert image.std() > 0.8
    assert np.abs(image).max() <= 2.4
    assert np.abs(np.diff(image, axis=-1)).mean() < image.std() / 2
    assert np.array_equal(image, picture(shape))
    assert len({picture.tobytes() for picture in image}) == shape[0], "every image of a batch is another"
