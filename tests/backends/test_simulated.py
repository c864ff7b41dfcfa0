"""A file for another device gives the same answers as the float network, from the same bytes."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from deploy.half import to_half
from perception.backends.ort import OrtBackend
from perception.backends.simulated import SimulatedBackend
from perception.errors import BundleError
from tests.batches import smooth
from tests.float_networks import SIZE, float_network

OUTPUT = ["lanes.map"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A float network, and its FP16 twin with batches of 4."""
    path = tmp_path_factory.mktemp("files")
    float_network(path / "float.onnx", batch="n")
    to_half(path / "float.onnx", path / "half.onnx", batch=4)
    return path


@pytest.mark.parametrize("count", [0, 1, 4, 6])
def test_any_number_of_images_in_batches_of_the_file_s_size(folder, count):
    images = smooth(max(1, count), SIZE)[:count]
    seen = SimulatedBackend(folder / "half.onnx", OUTPUT, 1)(images)["lanes.map"]
    assert seen.shape == (count, 4, 8, 12)
    if count:
        truth = OrtBackend(folder / "float.onnx", OUTPUT, 1)(images)["lanes.map"]
        np.testing.assert_allclose(seen, truth, atol=0.02 * np.abs(truth).max())


def test_input_and_outputs_are_checked(folder):
    backend = SimulatedBackend(folder / "half.onnx", OUTPUT, 1, {"lanes.map": (1, 4, 8, 12)})
    assert (backend.input_size, backend.device) == (SIZE, "cpu")
    with pytest.raises(ValueError, match="expected uint8"):
        backend(np.zeros((1, 9, 9, 3), np.uint8))
    with pytest.raises(BundleError, match=r"expected one input, float32 \(n, 3, h, w\)"):
        SimulatedBackend(folder / "float.onnx", OUTPUT)
    with pytest.raises(BundleError, match=r"expected output lanes\.map"):
        SimulatedBackend(folder / "half.onnx", OUTPUT, 1, {"lanes.map": (1, 9, 9, 9)})
    backend.close()


def test_it_takes_what_the_cpu_backend_takes():
    ours, cpu = (inspect.signature(kind).parameters for kind in (SimulatedBackend, OrtBackend))
    assert list(ours) == [name for name in cpu if name != "profile"]
