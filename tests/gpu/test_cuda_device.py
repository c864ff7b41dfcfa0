"""CudaDevice on the real pycuda and a fake driver, each test in a process of its own: see on_fake.py."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from perception.errors import BackendUnavailable, FrameError
from perception.kernels import compile, cuda
from perception.kernels.cuda import CudaDevice, parameter
from perception.kernels.device import DeviceArray
from tests.gpu.on_fake import count, on_fake
from tests.kernels.host_device import ENTRY

KERNELS = Path(__file__).parent / "kernels"
LEFT_OPEN: list[CudaDevice] = []


def opened() -> CudaDevice:
    return CudaDevice(kernels=KERNELS)


def doubled(device: CudaDevice, host: np.ndarray, image: DeviceArray) -> np.ndarray:
    """`host` goes up, is doubled by a kernel, and comes down; not waited for."""
    out = device.allocate(image.shape, image.dtype)
    result = device.pinned(image.shape, image.dtype)
    result[:] = -1
    device.upload(image, host)
    n = np.int32(host.size)
    device.launch("small.cu", "scale", (host.size // 256 + 1,), (256,), image, out, n, np.float32(2))
    device.download(result, out)
    return result


def values(device: CudaDevice, size: int = 1000) -> tuple[np.ndarray, DeviceArray]:
    return np.arange(size, dtype=np.float32), device.allocate((size,), np.float32)


def in_thread(work: Callable[[], object]) -> None:
    faults: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as fault:
            faults.append(fault)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    assert not faults, faults


@on_fake()
def test_what_goes_up_comes_down_through_a_kernel():
    device = opened()
    host, image = values(device)
    result = doubled(device, host, image)
    device.synchronize()
    np.testing.assert_array_equal(result, 2 * host)
    counts = [count(kind) for kind in ("uploads", "launches", "downloads", "download_bytes", "synchronises")]
    assert counts == [1, 1, 1, 4000, 1]


@on_fake()
def test_without_synchronize_nothing_has_come():
    device = opened()
    result = doubled(device, *values(device))
    assert (result == -1).all()
    device.synchronize()
    assert (result != -1).all()


@on_fake()
def test_host_memory_belongs_to_a_copy_until_synchronize():
    device = opened()
    host, image = values(device)
    result = doubled(device, host, image)
    host[:] = 7
    device.synchronize()
    assert (result == 14).all()


@on_fake()
def test_host_memory_that_nobody_else_keeps_lives_until_synchronize():
    device = opened()
    source, image = values(device)
    target = np.empty_like(source)
    there = [weakref.ref(source), weakref.ref(target)]
    device.upload(image, source)
    device.download(target, image)
    del source, target
    assert all(ref() is not None for ref in there)
    device.synchronize()
    assert all(ref() is None for ref in there)


@on_fake()
def test_fresh_memory_is_garbage_until_filled():
    device = opened()
    array, result = device.allocate((3, 5), np.uint8), np.empty((3, 5), np.uint8)
    device.download(result, array)
    device.synchronize()
    assert (result == 0xCD).all()
    device.fill(array, 9)
    device.download(result, array)
    device.synchronize()
    assert (result == 9).all()


@on_fake()
def test_parts_of_an_array_are_addressed_by_bytes():
    device = opened()
    whole, result = device.allocate((100,), np.uint8), np.empty(100, np.uint8)
    device.fill(whole, 0)
    device.fill(whole.part(12, (2, 3), np.float32), 1)
    device.download(result, whole)
    device.synchronize()
    assert np.flatnonzero(result).tolist() == list(range(12, 36))


@on_fake()
def test_arguments_arrive_with_their_alignment():
    device = opened()
    out, last = device.allocate((5,), np.float32), device.allocate((1,), np.float32)
    device.upload(last, np.float32([5.5]))
    scalars = np.int32(1), out, np.float32(2.5), np.int32(-3), np.float32(4), last
    device.launch("small.cu", "packed", (1,), (1,), *scalars)
    result = np.empty(5, np.float32)
    device.download(result, out)
    device.synchronize()
    assert result.tolist() == [1, 2.5, -3, 4, 5.5]


@on_fake()
def test_two_axes_of_blocks_and_threads():
    device = opened()
    out, result = device.allocate((20, 30), np.int32), np.empty((20, 30), np.int32)
    device.launch("small.cu", "places", (2, 3), (16, 8, 1), out, np.int32(30), np.int32(20))
    device.download(result, out)
    device.synchronize()
    np.testing.assert_array_equal(result, 100 * np.arange(20)[:, None] + np.arange(30))


@pytest.mark.parametrize("argument", [1, 1.5, True, np.bool_(1), np.float16(1), "1", np.zeros(1, np.int32)])
def test_an_argument_without_a_type_of_its_own_is_refused(argument):
    with pytest.raises(TypeError, match="numpy scalar"):
        parameter(argument)


@on_fake()
def test_an_argument_of_another_size_is_an_error_of_the_call():
    device = opened()
    host, image = values(device)
    with pytest.raises(FrameError, match=r"invalid argument.*arguments of the call"):
        device.launch("small.cu", "scale", (1,), (256,), image, image, np.int64(5), np.float32(1))
    result = doubled(device, host, image)  # the device still works
    device.synchronize()
    np.testing.assert_array_equal(result, 2 * host)


@on_fake()
def test_copies_that_do_not_fit_are_refused():
    device = opened()
    host, image = values(device)
    for wrong in (host[:-1], np.zeros((1000, 2), np.float32)[:, 0]):
        with pytest.raises(ValueError, match="expected"):
            device.upload(image, wrong)
        with pytest.raises(ValueError, match="expected"):
            device.download(wrong, image)


@on_fake()
def test_empty_grids_are_refused():
    device = opened()
    for grid, block in (((0,), (1,)), ((1,), (1, 0)), ((1, 1, 1, 1), (1,))):
        with pytest.raises(ValueError, match="at least 1"):
            device.launch("small.cu", "overrun", grid, block)


@on_fake()
def test_a_kernel_that_does_not_exist_is_named():
    with pytest.raises(FrameError, match="named symbol not found"):
        opened().launch("small.cu", "nothing", (1,), (1,))


@on_fake()
def test_every_kernel_is_found_in_the_module_of_its_file():
    device, files = CudaDevice(), list(compile.SOURCES.glob("*.cu"))
    for path in files:
        for _, kernel in ENTRY.findall(path.read_text()):
            with pytest.raises(FrameError, match="invalid argument"):  # but there: all of them want some
                device.launch(path.name, kernel, (1,), (1,))
    assert count("modules") == len(files) > 0


@on_fake(FAKECUDA_MEMORY="1000000")
def test_full_memory_says_how_much_there_is():
    device = opened()
    device.allocate((600_000,), np.uint8)
    with pytest.raises(BackendUnavailable, match=r"expected 0\.5 MB of device memory.*of 1 MB are free"):
        device.allocate((500_000,), np.uint8)
    device.allocate((300_000,), np.uint8)


@on_fake(FAKECUDA_NO_DEVICE="1")
def test_no_device():
    with pytest.raises(BackendUnavailable, match=r"no CUDA-capable device.*device='cpu'"):
        opened()


def test_a_missing_pycuda_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycuda", None)
    cuda.driver.cache_clear()
    with pytest.raises(BackendUnavailable, match=r"expected pycuda and a CUDA driver.*pip install pycuda"):
        opened()


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("libcuda.so.1: cannot open shared object file", "install the NVIDIA driver"),
        ("_driver.so: undefined symbol: cuCtxCreate_v4", "build pycuda again"),
    ],
)
def test_what_to_do_depends_on_why_pycuda_does_not_load(said, advice):
    assert advice in cuda.remedy(ImportError(said))


@on_fake()
def test_a_device_that_does_not_exist():
    with pytest.raises(BackendUnavailable, match="expected CUDA device 3"):
        CudaDevice(3)


@on_fake(FAKECUDA_DRIVER="12040")
def test_an_old_driver_is_named_with_both_versions():
    with pytest.raises(BackendUnavailable, match=r"a driver for CUDA \d+.*got one for CUDA 12\.4"):
        opened()


@on_fake(FAKECUDA_NAME="Orin", FAKECUDA_CAPABILITY="8.7", FAKECUDA_INTEGRATED="1")
def test_the_device_says_what_it_is():
    device = opened()
    assert (device.name, device.capability, device.integrated) == ("Orin", (8, 7), True)
    assert isinstance(device.stream, int)


@on_fake(FAKECUDA_CAPABILITY="12.0")
def test_kernels_are_compiled_for_the_device_at_hand():
    device = opened()
    result = doubled(device, *values(device))
    device.synchronize()
    assert result[3] == 6


@on_fake()
def test_kernels_for_another_device_are_refused():
    device = opened()
    device.capability = (9, 0)
    with pytest.raises(BackendUnavailable, match="no kernel image is available"):
        device.launch("small.cu", "overrun", (1,), (1,))


@on_fake(stderr=True, FAKECUDA_FAIL_LAUNCH="1")
def test_a_failed_kernel_shows_at_synchronize_and_ends_the_context():
    device = opened()
    result = doubled(device, *values(device))
    for _ in range(2):
        with pytest.raises(FrameError, match=r"unspecified launch failure.*start the process again"):
            device.synchronize()
    assert (result == -1).all()
    device.close()


@on_fake(stderr=True)
def test_a_kernel_that_writes_behind_its_array_is_caught():
    device = opened()
    array = device.allocate((10,), np.float32)
    device.launch("small.cu", "overrun", (1,), (1,), array, np.int32(10))
    with pytest.raises(FrameError, match="illegal memory access"):
        device.synchronize()


@on_fake()
def test_close_gives_everything_back_and_may_be_called_again():
    device = opened()
    doubled(device, *values(device))
    device.close()
    assert [count(kind) for kind in ("pieces", "pinned", "streams", "modules", "bytes")] == [0] * 5
    device.close()
    with pytest.raises(ValueError, match="closed"):
        device.allocate((1,), np.uint8)


@on_fake()
def test_pinned_memory_outlives_its_device():
    device = opened()
    result = doubled(device, *values(device))
    device.close()
    assert result[3] == 6  # close waited for the stream
    del result
    assert count("pinned") == 0


@on_fake()
def test_a_device_that_is_let_go_closes_itself():
    device = opened()
    doubled(device, *values(device))
    del device
    gc.collect()
    assert count("pieces") == count("streams") == 0


@on_fake()
def test_a_device_left_open_is_closed_at_the_end_of_the_program():
    LEFT_OPEN.append(opened())
    doubled(LEFT_OPEN[0], *values(LEFT_OPEN[0]))


@on_fake()
def test_another_device_after_the_first_was_closed():
    for _ in range(3):
        device = opened()
        result = doubled(device, *values(device))
        device.synchronize()
        assert result[3] == 6
        device.close()


@on_fake()
def test_threads_share_a_device():
    device = opened()
    results: list[np.ndarray] = []

    def work() -> None:
        for _ in range(20):
            results.append(doubled(device, *values(device)))
            device.synchronize()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 80
    assert all((result == 2 * np.arange(1000)).all() for result in results)


@on_fake()
def test_any_thread_may_close_a_device():
    device = opened()
    doubled(device, *values(device))
    in_thread(device.close)
    assert [count(kind) for kind in ("pieces", "pinned", "streams", "modules")] == [0] * 4


@on_fake()
def test_a_device_outlives_the_thread_that_made_it():
    in_thread(lambda: LEFT_OPEN.append(opened()))
    device = LEFT_OPEN.pop()
    result = doubled(device, *values(device))
    device.synchronize()
    assert result[3] == 6
    del result
    in_thread(device.close)


@on_fake(FAKECUDA_INTEGRATED="1")
def test_on_an_integrated_device_a_frame_is_not_copied():
    device = opened()
    host, image = device.frame_buffer((1000,), np.float32)
    host[:] = np.arange(1000)
    result = doubled(device, host, image)
    device.synchronize()
    np.testing.assert_array_equal(result, 2 * host)
    assert count("uploads") == 0


@on_fake(FAKECUDA_INTEGRATED="1")
def test_on_an_integrated_device_other_memory_is_copied():
    device = opened()
    _, image = device.frame_buffer((1000,), np.float32)
    result = doubled(device, np.ones(1000, np.float32), image)
    device.synchronize()
    assert (result == 2).all()
    assert count("uploads") == 1


@on_fake()
def test_on_another_device_a_frame_is_copied_once():
    device = opened()
    host, image = device.frame_buffer((1000,), np.float32)
    host[:] = 1
    result = doubled(device, host, image)
    device.synchronize()
    assert (result == 2).all()
    assert count("uploads") == 1
