"""`perception engine` from end to end: real pycuda, fake driver, fake TensorRT, real builder process."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.engine_command import build_engines
from perception import bundle
from perception.backends.engine_cache import RECORD, this_device
from perception.errors import BackendUnavailable, BundleError, PerceptionError
from tests.conftest import TASKS
from tests.gpu.on_fake import on_fake
from tests.gpu.tensorrt_fake import fake_tensorrt, network

_, LANES, _, DRIVABLE = TASKS
LANES = replace(LANES, outputs=("lanes.map",))  # the fake network has no road edges


def write_bundle(folder):
    """Two tasks on one network, in the precision that TensorRT takes."""
    network(folder / "main.trt.int8.onnx")
    files = {"trt.int8": {"main": "main.trt.int8.onnx"}}
    tasks = {task.name: task for task in (LANES, DRIVABLE)}
    bundle.write(folder, bundle.ModelSpec("tiny", "1", (12, 8), tasks, files))


@contextmanager
def bundle_and_cache():
    with tempfile.TemporaryDirectory() as name:
        folder, cache = Path(name) / "bundle", Path(name) / "cache"
        folder.mkdir()
        write_bundle(folder)
        yield folder, cache


def engines(cache):
    return [path.parent for path in cache.glob(f"*/{RECORD}")]


@on_fake(stderr=True, FAKECUDA_NAME="Orin", FAKECUDA_CAPABILITY="8.7")
def test_engines_are_built_checked_and_found_again():
    with bundle_and_cache() as (folder, cache), fake_tensorrt():
        assert (this_device().name, this_device().capability) == ("Orin", (8, 7))
        (first,) = build_engines(folder, cache=cache)
        (again,) = build_engines(folder, cache=cache)
        assert again.plan == first.plan
        assert '"checked": true' in first.plan.with_name(RECORD).read_text()
        (lanes,) = build_engines(folder, tasks=["lanes"], cache=cache)
        assert lanes.options.outputs == ("lanes.map",)
        assert len(engines(cache)) == 2


@on_fake(stderr=True)
def test_without_a_check_pycuda_is_not_needed():
    import sys

    with bundle_and_cache() as (folder, cache), fake_tensorrt(), pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pycuda", None)
        (built,) = build_engines(folder, cache=cache, check=False)
        assert '"checked": false' in built.plan.with_name(RECORD).read_text()


@on_fake(stderr=True)
def test_a_wrong_engine_is_refused():
    with bundle_and_cache() as (folder, cache), fake_tensorrt(fault="wrong"):
        with pytest.raises(BundleError, match="second one in a row"):
            build_engines(folder, cache=cache)
        assert [path.suffix for path in engines(cache)] == []


@on_fake(FAKECUDA_NO_DEVICE="1")
def test_without_a_device_tensorrt_is_not_touched():
    with bundle_and_cache() as (folder, cache), fake_tensorrt(fault="driver"):
        with pytest.raises(BackendUnavailable, match="no device"):
            build_engines(folder, cache=cache)
        assert not cache.exists()


def test_a_bundle_without_files_for_tensorrt_is_told(tiny_bundle):
    with pytest.raises(BundleError, match=r"expected trt\.int8 files, got .*perception quantize"):
        build_engines(tiny_bundle)


def test_an_unknown_task_is_told(tmp_path):
    write_bundle(tmp_path)
    with pytest.raises(PerceptionError, match="got 'signs'"):
        build_engines(tmp_path, tasks=["signs"])
