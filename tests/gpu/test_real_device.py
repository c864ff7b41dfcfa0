"""The kernels on a real GPU: what each must do, the steps of a whole frame, and memory and threads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from perception.errors import BackendUnavailable
from perception.kernels.cuda import CudaDevice
from perception.kernels.device import DeviceArray
from perception.letterbox import Letterbox
from perception.preprocess.cuda import CudaPreprocess
from tests.conftest import SIZE
from tests.gpu.test_cuda_device import in_thread
from tests.gpu.test_launches import in_order, results
from tests.kernels.cuda_cases import CASES
from tests.kernels.host_device import HostDevice

pytestmark = pytest.mark.gpu


class Gpu(CudaDevice):
    """With the two short ways of `HostDevice`, which the cases of the kernels take."""

    def put(self, source: np.ndarray) -> DeviceArray:
        target = self.allocate(source.shape, source.dtype)
        self.upload(target, np.ascontiguousarray(source))
        return target

    def get(self, source: DeviceArray) -> np.ndarray:
        target = np.empty(source.shape, source.dtype)
        self.download(target, source)
        self.synchronize()
        return target


@pytest.fixture
def gpu() -> Iterator[Gpu]:
    try:
        device = Gpu()
    except BackendUnavailable as error:
        pytest.skip(f"no NVIDIA GPU: {error}")
    yield device
    device.close()


@pytest.mark.parametrize("case", [case for cases in CASES.values() for case in cases])
def test_each_kernel_gives_what_the_reference_gives(gpu, case):
    case(gpu)


def test_every_step_of_a_frame_equals_that_on_the_processor(gpu):
    """But for the last bits of exponentials, which are the device's own."""
    expected, got = in_order(results(HostDevice())), in_order(results(gpu))
    assert len(expected["detection.objects"]) > 10
    for name, wanted in expected.items():
        np.testing.assert_allclose(got[name], wanted, rtol=1e-5, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (333, 777)])
def test_frames_are_letterboxed_one_after_the_other(gpu, size):
    images = np.random.default_rng(0).integers(0, 256, (3, size[1], size[0], 3), np.uint8)
    box, out = Letterbox.fit(size, SIZE), gpu.allocate((1, SIZE[1], SIZE[0], 3), np.uint8)
    preprocess = CudaPreprocess(gpu, out)
    for image in images:
        preprocess(image, box)
        np.testing.assert_array_equal(gpu.get(out)[0], box.apply(image))


def test_any_thread_may_use_it(gpu):
    for case in CASES["maps.cu"]:
        in_thread(partial(case, gpu))
        case(gpu)


def test_memory_that_no_gpu_has_is_refused_and_the_rest_goes_on(gpu):
    with pytest.raises(BackendUnavailable, match="MB of device memory, got"):
        gpu.allocate((1 << 44,), np.uint8)
    np.testing.assert_array_equal(gpu.get(gpu.put(np.arange(9))), np.arange(9))
