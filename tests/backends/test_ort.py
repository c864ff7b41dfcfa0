"""onnxruntime: what is computed, where it is written, and which networks are refused."""

import json

import numpy as np
import onnxruntime as ort
import pytest

from perception.backends.ort import OrtBackend, exact_integers
from perception.errors import BundleError
from tests.conftest import SHAPES, SIZE
from tests.networks import main_network


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (1, 384, 640, 3), np.uint8)


def nodes_run(path) -> set[str]:
    """The nodes in an onnxruntime profile, without what its optimiser appends to their names."""
    events = json.loads(path.read_text())
    return {e["name"].removesuffix("_kernel_time") for e in events if e.get("cat") == "Node"}


@pytest.mark.parametrize("task", ["detection", "lanes", "drivable"])
def test_only_what_a_task_needs_is_executed(tiny_bundle, tmp_path, image, task):
    outputs = [name for name in SHAPES if name.startswith(task)]
    backend = OrtBackend(tiny_bundle / "network.onnx", outputs, threads=1, profile=tmp_path / "profile")
    backend(image)
    backend.close()
    ran = nodes_run(next(tmp_path.glob("profile*")))
    heads = {name for name in SHAPES if any(node.startswith(name) for node in ran)}
    assert heads == set(outputs)


def test_a_part_answers_as_the_whole(tiny_bundle, image):
    whole = OrtBackend(tiny_bundle / "network.onnx", list(SHAPES), threads=1)(image)
    assert {name: array.shape for name, array in whole.items()} == SHAPES
    part = OrtBackend(tiny_bundle / "network.onnx", ["lanes.map"], threads=1)(image)
    assert list(part) == ["lanes.map"]
    np.testing.assert_array_equal(part["lanes.map"], whole["lanes.map"])


def test_outputs_are_written_into_the_same_arrays(tiny_bundle, image):
    backend = OrtBackend(tiny_bundle / "network.onnx", ["lanes.map"], threads=1)
    first = backend(image)["lanes.map"]
    before = first.copy()
    second = backend(255 - image)["lanes.map"]
    assert second is first
    assert (second != before).any()


def test_a_free_batch(tiny_bundle):
    backend = OrtBackend(tiny_bundle / "signs.onnx", ["signs.logits"], threads=1)
    crops = np.zeros((3, 64, 64, 3), np.uint8)
    crops[1, :, :, 2] = 200  # one red sign
    logits = backend(crops)["signs.logits"].copy()
    assert logits.shape == (3, 43)
    np.testing.assert_allclose(logits[:, 2], [0, 200, 0], rtol=1e-5)
    np.testing.assert_array_equal(backend(crops[1:2])["signs.logits"], logits[1:2])


def test_input_of_another_size_or_type(tiny_bundle, image):
    backend = OrtBackend(tiny_bundle / "network.onnx", ["lanes.map"], threads=1)
    with pytest.raises(ValueError, match=r"expected uint8 \(n, 384, 640, 3\), got uint8 \(1, 383,"):
        backend(image[:, 1:])
    with pytest.raises(ValueError, match="got float32"):
        backend(image.astype(np.float32))


def test_an_output_the_network_lacks(tiny_bundle):
    with pytest.raises(BundleError, match=r"expected network outputs \['lanes.map'\], got .*signs.logits"):
        OrtBackend(tiny_bundle / "signs.onnx", ["lanes.map"])


def test_an_output_of_another_shape(tiny_bundle):
    shapes = {**SHAPES, "lanes.map": (1, 12, 96, 160)}
    with pytest.raises(BundleError, match=r"output lanes.map to be float32 \(1, 12, .*got .*\(1, 8,"):
        OrtBackend(tiny_bundle / "network.onnx", ["lanes.map"], shapes=shapes)


@pytest.mark.parametrize("content", [b"", b"a text\n", b"\x3a\x05\x0a"])
def test_a_file_that_is_no_network(tmp_path, content):
    (tmp_path / "network.onnx").write_bytes(content)
    with pytest.raises(BundleError, match=r"network\.onnx: expected"):
        OrtBackend(tmp_path / "network.onnx", ["lanes.map"])


def test_a_cut_off_network(tmp_path):
    main_network(tmp_path / "network.onnx", SIZE, SHAPES)
    data = (tmp_path / "network.onnx").read_bytes()
    (tmp_path / "network.onnx").write_bytes(data[: len(data) // 2])
    with pytest.raises(BundleError, match="ends in the middle of a field"):
        OrtBackend(tmp_path / "network.onnx", ["lanes.map"])


def test_no_file(tmp_path):
    with pytest.raises(BundleError, match=r"nothing\.onnx: expected a network file, got No such file"):
        OrtBackend(tmp_path / "nothing.onnx", ["lanes.map"])


@pytest.mark.parametrize(("flags", "entry"), [("sse avx2", "1"), ("avx2 avx_vnni", "0"), ("amx_int8", "0")])
def test_exact_integers_cost_speed_only_where_they_must(tmp_path, flags, entry):
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags : {flags}\n\nprocessor : 1\n")
    options = ort.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "0")
    exact_integers(options, tmp_path / "cpuinfo")
    assert options.get_session_config_entry("session.x64quantprecision") == entry
