"""Every runtime for the CPU: what is computed, where it is written, and which networks are refused."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from deploy.doctor.network import TOLERANCE, errors
from perception.backends import CPU_RUNTIMES
from perception.backends.runtimes import FIRST, Network, difference, opened
from perception.errors import BundleError
from tests.conftest import SHAPES, SIZE
from tests.networks import main_network


@pytest.fixture(params=CPU_RUNTIMES)
def runtime(request, tmp_path, monkeypatch) -> str:
    if find_spec(request.param) is None:
        pytest.skip(f"needs {request.param}: pip install 'perception[{request.param}]'")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return request.param


@pytest.fixture
def backend(runtime):
    def make(path: Path, outputs, shapes=None):
        return opened(Network(path, tuple(outputs), 1, shapes or {}), runtime)

    return make


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (1, 384, 640, 3), np.uint8)


def test_a_part_answers_as_the_whole(backend, tiny_bundle, image):
    whole = backend(tiny_bundle / "network.onnx", SHAPES)(image)
    assert {name: array.shape for name, array in whole.items()} == SHAPES
    part = backend(tiny_bundle / "network.onnx", ["lanes.map"])(image)
    assert list(part) == ["lanes.map"]
    np.testing.assert_allclose(part["lanes.map"], whole["lanes.map"], rtol=1e-5, atol=1e-3)


def test_all_answer_as_the_first(runtime, backend, tiny_bundle, image):
    first = opened(Network(tiny_bundle / "network.onnx", tuple(SHAPES), 1), FIRST)(image)
    assert difference(backend(tiny_bundle / "network.onnx", SHAPES)(image), first) < 1e-5


def test_at_another_size_all_answer_as_the_first(runtime, tiny_bundle, image):
    network = Network(tiny_bundle / "network.onnx", ("lanes.map",), 1, size=(320, 192))
    found = opened(network, runtime)(image[:, ::2, ::2].copy())
    assert found["lanes.map"].shape == (1, 8, 48, 80)
    assert difference(found, opened(network, FIRST)(image[:, ::2, ::2].copy())) < 1e-5


def test_the_known_answer_of_the_shipped_networks(runtime):
    found = errors(runtime)
    assert found is not None, "python -m deploy.doctor.make_answer"
    assert found["fp32"] < 1e-3, "FP32 is computed in float32"
    assert max(found.values()) <= TOLERANCE


def test_outputs_are_written_into_the_same_arrays(backend, tiny_bundle, image):
    network = backend(tiny_bundle / "network.onnx", ["lanes.map"])
    first = network(image)["lanes.map"]
    before = first.copy()
    second = network(255 - image)["lanes.map"]
    assert second is first
    assert (second != before).any()


def test_a_free_batch(backend, tiny_bundle):
    network = backend(tiny_bundle / "signs.onnx", ["signs.logits"])
    crops = np.zeros((3, 64, 64, 3), np.uint8)
    crops[1, :, :, 2] = 200  # one red sign
    logits = network(crops)["signs.logits"].copy()
    assert logits.shape == (3, 43)
    np.testing.assert_allclose(logits[:, 2], [0, 200, 0], rtol=1e-5)
    np.testing.assert_array_equal(network(crops[1:2])["signs.logits"], logits[1:2])
    np.testing.assert_array_equal(network(crops[::-1].copy())["signs.logits"], logits[::-1])


def test_batches_of_changing_size(backend, tiny_bundle):
    network = backend(tiny_bundle / "signs.onnx", ["signs.logits"])
    for value, n in enumerate((1, 2, 5, 2, 1, 5)):
        logits = network(np.full((n, 64, 64, 3), value, np.uint8))["signs.logits"]
        np.testing.assert_allclose(logits[:, :3], np.full((n, 3), value), rtol=1e-5)


def test_input_of_another_size_or_type(backend, tiny_bundle, image):
    network = backend(tiny_bundle / "network.onnx", ["lanes.map"])
    with pytest.raises(ValueError, match=r"expected uint8 \(n, 384, 640, 3\), got uint8 \(1, 383,"):
        network(image[:, 1:])
    with pytest.raises(ValueError, match="got float32"):
        network(image.astype(np.float32))


def test_an_output_the_network_lacks(backend, tiny_bundle):
    with pytest.raises(BundleError, match=r"expected network outputs \['lanes.map'\], got .*signs.logits"):
        backend(tiny_bundle / "signs.onnx", ["lanes.map"])


def test_an_output_of_another_shape(backend, tiny_bundle):
    shapes = {**SHAPES, "lanes.map": (1, 12, 96, 160)}
    with pytest.raises(BundleError, match=r"output lanes.map to be float32 \(1, 12, .*got .*\(1, 8,"):
        backend(tiny_bundle / "network.onnx", ["lanes.map"], shapes=shapes)


@pytest.mark.parametrize("content", [b"", b"a text\n", b"\x3a\x05\x0a"])
def test_a_file_that_is_no_network(backend, tmp_path, content):
    (tmp_path / "network.onnx").write_bytes(content)
    with pytest.raises(BundleError, match=r"network\.onnx: expected"):
        backend(tmp_path / "network.onnx", ["lanes.map"])


def test_a_cut_off_network(backend, tmp_path):
    main_network(tmp_path / "network.onnx", SIZE, SHAPES)
    data = (tmp_path / "network.onnx").read_bytes()
    (tmp_path / "network.onnx").write_bytes(data[: len(data) // 2])
    with pytest.raises(BundleError, match="ends in the middle of a field"):
        backend(tmp_path / "network.onnx", ["lanes.map"])


def test_no_file(backend, tmp_path):
    with pytest.raises(BundleError, match=r"nothing\.onnx: expected a network file, got No such file"):
        backend(tmp_path / "nothing.onnx", ["lanes.map"])
