"""The fake driver is as harsh as it says, seen through pycuda itself."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from tests.gpu.on_fake import count, on_fake

HostFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@contextmanager
def context() -> Iterator[None]:
    import pycuda.driver as cuda

    cuda.init()
    made = cuda.Device(0).retain_primary_context()
    made.push()
    try:
        yield
    finally:
        made.detach()


@on_fake()
def test_calls_without_a_context_are_refused():
    import pycuda.driver as cuda

    cuda.init()
    with pytest.raises(cuda.LogicError, match="invalid device context"):
        cuda.mem_alloc(4)


@on_fake()
def test_a_released_context_is_not_used_again():
    import pycuda.driver as cuda

    with context():
        pass
    with pytest.raises(cuda.LogicError, match="context is destroyed"):
        cuda.mem_alloc(4)


@on_fake()
def test_host_functions_run_in_order_with_copies():
    import pycuda.driver as cuda

    with context():
        stream, seen = cuda.Stream(), []
        memory, host = cuda.mem_alloc(4), np.zeros(1, np.int32)
        look = HostFunction(lambda _: seen.append(int(host[0])))
        launch = ctypes.CDLL("libcuda.so.1").cuLaunchHostFunc
        for value in (5, 6):
            cuda.memset_d32_async(int(memory), value, 1, stream)
            cuda.memcpy_dtoh_async(host, memory, stream)
            assert launch(ctypes.c_void_p(stream.handle), look, None) == 0
        assert seen == []
        stream.synchronize()
        assert seen == [5, 6]
        del stream, memory


@on_fake()
def test_an_event_waits_for_what_was_before_it_only():
    import pycuda.driver as cuda

    with context():
        stream, event = cuda.Stream(), cuda.Event()
        memory, host = cuda.mem_alloc(4), np.zeros(1, np.int32)
        for value in (5, 6):
            cuda.memset_d32_async(int(memory), value, 1, stream)
            cuda.memcpy_dtoh_async(host, memory, stream)
            if value == 5:
                event.record(stream)
        event.synchronize()
        assert host[0] == 5
        del stream, memory, event


@on_fake()
def test_one_stream_waits_for_an_event_of_another():
    import pycuda.driver as cuda

    with context():
        first, second, event = cuda.Stream(), cuda.Stream(), cuda.Event()
        memory, host = cuda.mem_alloc(4), np.zeros(1, np.int32)
        cuda.memset_d32_async(int(memory), 5, 1, first)
        event.record(first)
        second.wait_for_event(event)
        cuda.memcpy_dtoh_async(host, memory, second)
        second.synchronize()
        assert host[0] == 5
        del first, second, event, memory


@on_fake()
def test_a_stream_that_is_asked_gets_on_and_says_when_it_is_done():
    import pycuda.driver as cuda

    with context():
        stream, memory = cuda.Stream(), cuda.mem_alloc(4)
        for _ in range(3):
            cuda.memset_d32_async(int(memory), 1, 1, stream)
        assert [stream.is_done() for _ in range(4)] == [False, False, False, True]
        assert count("synchronises") == 0
        del stream, memory


@on_fake()
def test_a_blocking_copy_counts_as_waiting():
    import pycuda.driver as cuda

    with context():
        memory = cuda.mem_alloc(8)
        cuda.memcpy_htod(memory, np.arange(2, dtype=np.int32))
        assert cuda.from_device(memory, 2, np.int32).tolist() == [0, 1]
        assert count("synchronises") == 2
        del memory


@on_fake()
def test_copies_beyond_an_allocation_are_refused():
    import pycuda.driver as cuda

    with context():
        memory = cuda.mem_alloc(8)
        with pytest.raises(cuda.LogicError, match="invalid argument"):
            cuda.memcpy_htod(int(memory) + 4, np.zeros(2, np.int32))
        del memory


@on_fake()
def test_mapped_memory_has_two_addresses():
    import pycuda.driver as cuda

    with context():
        host = cuda.pagelocked_empty(4, np.uint8, mem_flags=cuda.host_alloc_flags.DEVICEMAP)
        view = host.base.get_device_pointer()
        assert view != host.ctypes.data
        cuda.memset_d8(view, 7, 4)
        assert host.tolist() == [7, 7, 7, 7]
        del host


@on_fake()
def test_a_call_that_is_not_there_says_so():
    import pycuda.driver as cuda

    with context(), pytest.raises(cuda.Error, match="operation not supported"):
        cuda.mem_alloc_pitch(4, 4, 4)


@on_fake()
def test_code_that_is_no_module_is_refused():
    import pycuda.driver as cuda

    with context(), pytest.raises(cuda.LogicError, match="image is invalid"):
        cuda.module_from_buffer(b"\x00" * 4096)
