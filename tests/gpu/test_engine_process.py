"""Engines that a process of its own builds, and several callers at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.engine import Progress, Subprocess, engine
from perception.backends.engine_cache import (
    EngineOptions,
)
from perception.backends.trt import TrtRunner
from perception.errors import BackendUnavailable, BundleError, SinkError
from tests.disks import files_end_at
from tests.gpu.engines import INT8, ORIN, left
from tests.gpu.tensorrt_fake import HostMemory, fake_tensorrt, network

CALLER = """
import sys, time
from pathlib import Path
from deploy.engine import engine
from perception.backends.engine_cache import DeviceFacts, EngineCache, EngineOptions

folder = Path(sys.argv[1])

def build(onnx, plan, options, timing, report):
    with (folder / "builds").open("a") as log:
        log.write("x")
    time.sleep(float(sys.argv[2]))
    plan.write_bytes(b"engine")

facts = DeviceFacts("Orin", (8, 7), "12.6", "R36.4.3")
say = lambda progress: print(progress.phase, flush=True)
cache = EngineCache(folder / "cache")
print(engine(folder / "network.onnx", EngineOptions(), facts, cache, report=say, build=build, version="1"))
"""


def caller(folder, seconds):
    command = [sys.executable, "-c", CALLER, str(folder), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_of_several_builders_at_once_one_builds(onnx_file, tmp_path):
    callers = [caller(tmp_path, 1) for _ in range(3)]
    said = [process.communicate(timeout=60) for process in callers]
    assert [process.returncode for process in callers] == [0, 0, 0], said
    assert (tmp_path / "builds").read_text() == "x"
    assert len({out.splitlines()[-1] for out, _ in said}) == 1
    assert sum("building the engine" in out for out, _ in said) == 1


def test_who_waits_takes_over_from_a_builder_that_is_killed(onnx_file, tmp_path):
    first = caller(tmp_path, 60)
    assert first.stdout.readline() == "building the engine\n"
    second = caller(tmp_path, 0)
    assert second.stdout.readline() == "waiting for another builder of this engine\n"
    first.kill()
    out, fault = second.communicate(timeout=60)
    assert second.returncode == 0, fault
    assert Path(out.splitlines()[-1]).read_bytes() == b"engine"
    assert not list((tmp_path / "cache").glob("*.part"))
    first.communicate()


@pytest.fixture
def small(tmp_path):
    return network(tmp_path / "small.onnx")


def test_an_engine_from_the_builder_s_process_runs(small, cache):
    news = []
    with fake_tensorrt():
        path = engine(small, INT8, ORIN, cache, report=news.append, build=Subprocess(60))
        assert TrtRunner(path, HostMemory()).inputs
    assert Progress("Building", 3, 3) in news
    assert {Path(name).suffix for name in left(cache)} == {"", ".timing"}


def test_a_task_subset_from_the_builder_s_process(small, cache):
    with fake_tensorrt():
        path = engine(small, EngineOptions(outputs=("drivable.map",)), ORIN, cache, build=Subprocess(60))
        assert list(TrtRunner(path, HostMemory()).outputs) == ["drivable.map"]


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        ("parse", BundleError, "that TensorRT parses, got no importer for Fault"),
        ("build", BackendUnavailable, "got Could not find any implementation"),
        ("driver", BackendUnavailable, "end by SIGSEGV.*without a CUDA driver"),
    ],
)
def test_a_builder_that_fails_is_told_and_leaves_nothing(fault, error, text, small, cache):
    with fake_tensorrt(fault=fault), pytest.raises(error, match=text):
        engine(small, INT8, ORIN, cache, build=Subprocess(60))
    assert left(cache) == []


def test_an_output_that_is_not_there_is_told(small, cache):
    with fake_tensorrt(), pytest.raises(BundleError, match=r"expected network outputs \['signs'\]"):
        engine(small, EngineOptions(outputs=("signs",)), ORIN, cache, build=Subprocess(60))


def test_the_time_limit_ends_the_builder(small, cache):
    start = time.monotonic()
    slow = pytest.raises(BackendUnavailable, match=r"within 3 s, got none; allow more with --timeout")
    with fake_tensorrt(fault="slow"), slow:
        engine(small, INT8, ORIN, cache, build=Subprocess(3))
    assert time.monotonic() - start < 30
    assert left(cache) == []


def test_a_full_disk_in_the_builder_s_process(small, cache):
    with (
        fake_tensorrt(),
        files_end_at(1000),
        pytest.raises(SinkError, match=r"File too large.*XDG_CACHE_HOME"),
    ):
        engine(small, INT8, ORIN, cache, build=Subprocess(60))
    assert {Path(name).suffix for name in left(cache)} <= {".timing"}, "which is whole, and small"


def test_a_crash_gives_the_builder_s_last_words(small, cache, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "tensorrt.py").write_text("raise RuntimeError('no such thing')")
    with fake_tensorrt(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path / "broken"))
        with pytest.raises(BackendUnavailable, match=r"end by exit code 1.*RuntimeError: no such thing"):
            engine(small, INT8, ORIN, cache, build=Subprocess(60))


def test_a_builder_ends_with_its_caller(small, tmp_path):
    job = {"onnx": str(small), "plan": str(tmp_path / "plan"), "options": {}, "timing": None}
    with fake_tensorrt(fault="slow"):
        command = [sys.executable, "-m", "deploy.engine_build", json.dumps(job)]
        builder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ)
    builder.stdout.readline()
    builder.stdin.close()
    assert builder.wait(timeout=30) != 0
    assert not (tmp_path / "plan").exists()
    builder.stdout.close()


def test_an_interrupted_caller_leaves_neither_builder_nor_engine(small, cache):
    def interrupt(progress):
        if progress.steps:
            raise KeyboardInterrupt

    with fake_tensorrt(fault="slow"), pytest.raises(KeyboardInterrupt):
        engine(small, INT8, ORIN, cache, report=interrupt, build=Subprocess(60))
    assert left(cache) == []
