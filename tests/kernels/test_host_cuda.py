"""What runs the kernels without a GPU finds what a GPU would hang on, or not tell."""

from pathlib import Path

import numpy as np
import pytest

from perception.errors import FrameError
from perception.kernels.device import DeviceArray
from tests.kernels.host_device import HostDevice

HEAD = '#include "device.cuh"\nextern "C" __global__ void __launch_bounds__(64) kernel'


@pytest.fixture
def run(tmp_path: Path):
    """Runs one kernel, given by its parameters and body, on 2 x 64 threads."""
    (tmp_path / "device.cuh").write_text("")

    def launch(text: str, *arguments: DeviceArray | np.generic, seed: int = 0, block: int = 64) -> HostDevice:
        (tmp_path / "test.cu").write_text(HEAD + text)
        device = HostDevice(seed, tmp_path)
        device.launch("test.cu", "kernel", (2,), (block,), *arguments)
        device.synchronize()
        return device

    return launch


@pytest.fixture
def ints() -> DeviceArray:
    return HostDevice().put(np.zeros(128, np.int32))


def test_a_barrier_that_some_threads_miss(run):
    with pytest.raises(FrameError, match="not reached by all"):
        run("() { if (threadIdx.x < 63) __syncthreads(); }")


def test_a_warp_function_that_some_lanes_miss(run):
    with pytest.raises(FrameError, match="not reached by all"):
        run("() { if (threadIdx.x % 32 < 31) __syncwarp(); }")


def test_a_warp_at_different_things(run):
    with pytest.raises(FrameError, match="not reached by all"):
        run("() { if (threadIdx.x < 9) __syncwarp(); else __syncthreads(); }")


def test_a_part_of_a_warp(run):
    with pytest.raises(FrameError, match="whole warps"):
        run("() { __ballot_sync(1, 1); }")


def test_a_block_that_is_too_large(run):
    with pytest.raises(FrameError, match="launch_bounds"):
        run("() {}", block=65)


def test_other_arguments_than_the_kernel_has(run, ints):
    for wrong in ([], [ints, ints], [np.int32(1)], [ints, np.float32(1)]):
        with pytest.raises(TypeError, match="expected arguments pi"):
            run("(int* out, int n) { out[0] = n; }", *wrong)


def test_writing_beside_an_array(tmp_path):
    (tmp_path / "device.cuh").write_text("")
    (tmp_path / "test.cu").write_text(HEAD + "(int* out) { out[blockIdx.x * 65 + threadIdx.x] = 1; }")
    device = HostDevice(sources=tmp_path)
    device.launch("test.cu", "kernel", (2,), (64,), device.put(np.zeros(128, np.int32)))
    with pytest.raises(FrameError, match="beside an array of 512 bytes"):
        device.synchronize()


def test_shared_memory_begins_with_garbage_in_each_block(run, ints):
    text = "(int* out) { __shared__ int sum; out[blockIdx.x] = sum; sum = 0; }"
    got = run(text, ints, block=1).get(ints)
    assert (got[:2].view(np.uint32) == 0xA5A5A5A5).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_seed_is_an_order_of_blocks_and_threads(run, ints, seed):
    count = HostDevice().put(np.zeros(1, np.int32))
    text = "(int* out, int* n) { out[blockIdx.x * 64 + threadIdx.x] = atomicAdd(n, 1); }"
    got = run(text, ints, count, seed=seed).get(ints)
    assert sorted(got) == list(range(128))
    assert (got == np.arange(128)).all() == (seed == 0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_lanes_show_each_other(run, ints, seed):
    """Many in a row: a fast lane may not write over what a slow one has still to read."""
    text = """(int* out) {
        int value = threadIdx.x;
        for (int k = 0; k < 40; ++k) value = __shfl_sync(ALL_LANES, value, (threadIdx.x + 1) % WARP);
        out[blockIdx.x * 64 + threadIdx.x] = value * 100 + __popc(__ballot_sync(ALL_LANES, value % 4 == 0));
    }""".replace("ALL_LANES", "0xffffffffu").replace("WARP", "32")
    got = run(text, ints, seed=seed).get(ints)
    lane = np.arange(128) % 64
    np.testing.assert_array_equal(got, (lane // 32 * 32 + (lane + 40) % 32) * 100 + 8)


def test_half_precision_is_rounded_as_numpy_does_it(run):
    every = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        above = np.nextafter(every, np.float32(np.inf))
        middle = every + (np.roll(every, -1) - every) / 2
        values = np.concatenate(
            [every, above, middle, np.nextafter(middle, np.float32(0)), [65520, 1e30, 1e-30]]
        )
        values = values.astype(np.float32)
        want = values.astype(np.float16)
    device = HostDevice()
    out = device.allocate(values.shape, np.float16)
    text = "(float* in, __half* out, int n) { for (int k = 0; k < n; ++k) out[k] = __float2half_rn(in[k]); }"
    got = run(text, device.put(values), out, np.int32(len(values)), block=1).get(out)
    np.testing.assert_array_equal(got, want)
