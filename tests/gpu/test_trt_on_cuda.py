"""Engines in the stream of the fake CUDA driver, between copies, under the real pycuda."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from deploy.engine_build import build
from perception.backends.engine_cache import EngineOptions
from perception.backends.trt import TrtRunner
from perception.errors import FrameError
from tests.gpu.on_fake import count, on_fake
from tests.gpu.tensorrt_fake import OUTPUTS, SHAPE, fake_tensorrt, network
from tests.gpu.test_trt_runner import expected


def opened():
    from perception.kernels.cuda import CudaDevice

    return CudaDevice()


class Bound:
    """A runner with all its tensors in the device's memory."""

    def __init__(self, trt, device):
        self.folder = tempfile.TemporaryDirectory()
        self.file = network(Path(self.folder.name) / "small.onnx")
        engine = build(trt, self.file.read_bytes(), EngineOptions(), None, lambda *news: None)
        self.device, self.runner = device, TrtRunner(engine, device)
        tensors = {**self.runner.inputs, **self.runner.outputs}
        self.at = {name: device.allocate(*what) for name, what in tensors.items()}
        for name, array in self.at.items():
            self.runner.bind(name, array)
        self.image = device.pinned(SHAPE, np.float32)
        self.seen = {name: device.pinned(*tensors[name]) for name in OUTPUTS}

    def enqueue(self, value):
        self.image[...] = value
        self.device.upload(self.at["image"], self.image)
        self.runner.run()
        for name, array in self.seen.items():
            self.device.download(array, self.at[name])

    def close(self):
        self.runner.close()
        self.device.close()
        self.folder.cleanup()


@on_fake()
def test_a_frame_is_in_the_order_of_the_stream_and_waits_for_nothing():
    with fake_tensorrt() as trt:
        device = opened()
        bound = Bound(trt, device)
        for array in bound.seen.values():
            array[...] = -1
        before = count("synchronises")
        bound.enqueue(0.5)
        assert all((array == -1).all() for array in bound.seen.values()), "nothing ran before somebody waits"
        assert count("synchronises") == before
        device.synchronize()
        for name, value in expected(bound.file, np.full(SHAPE, 0.5, np.float32)).items():
            np.testing.assert_array_equal(bound.seen[name], value)
        bound.close()


@on_fake()
def test_the_second_frame_is_another():
    with fake_tensorrt() as trt:
        device = opened()
        bound, seen = Bound(trt, device), []
        for value in (0.1, 0.9, 0.1):
            bound.enqueue(value)
            device.synchronize()
            seen.append(bound.seen["lanes.map"].copy())
        np.testing.assert_array_equal(seen[0], seen[2])
        assert not np.array_equal(seen[0], seen[1])
        bound.close()


@on_fake()
def test_a_frame_that_tensorrt_refuses_leaves_the_stream_usable():
    with fake_tensorrt() as trt:
        device = opened()
        bound = Bound(trt, device)
        trt.FAULT = "run"
        with pytest.raises(FrameError, match="to take the frame"):
            bound.runner.run()
        trt.FAULT = ""
        bound.enqueue(0.5)
        device.synchronize()
        assert np.isfinite(bound.seen["drivable.map"]).all()
        bound.close()
