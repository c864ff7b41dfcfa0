"""Engines run on memory of the device; what is wrong with one is told. TensorRT is the fake one."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest

from deploy.engine_build import build
from perception.backends.engine_cache import EngineOptions
from perception.backends.trt import TrtRunner, load, named
from perception.errors import BackendUnavailable, BundleError, FrameError
from tests.gpu.tensorrt_fake import FAKE, OUTPUTS, SHAPE, HostMemory, fake_tensorrt, network

VERSIONS = json.loads((FAKE.parent / "tensorrt_api.json").read_text())["versions"]
QUIET = {"report": lambda *news: None}


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory):
    return network(tmp_path_factory.mktemp("network") / "small.onnx")


def plan(trt, file, **options):
    return build(trt, file.read_bytes(), EngineOptions(**options), **QUIET)


def expected(file, image):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return dict(zip(OUTPUTS, session.run(list(OUTPUTS), {"image": image}), strict=True))


def bound(runner, device):
    arrays = {name: device.allocate(*what) for name, what in {**runner.inputs, **runner.outputs}.items()}
    for name, array in arrays.items():
        runner.bind(name, array)
    return arrays


def one_frame(data):
    device = HostMemory()
    runner = TrtRunner(data, device)
    bound(runner, device)
    runner.run()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_frame_through_every_version(version, onnx_file):
    image, device = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32), HostMemory()
    with fake_tensorrt(version) as trt:
        runner = TrtRunner(plan(trt, onnx_file), device)
        assert runner.inputs == {"image": (SHAPE, np.float32)}
        arrays = bound(runner, device)
        device.upload(arrays["image"], image)
        runner.run()
    for name, value in expected(onnx_file, image).items():
        seen = np.empty_like(value)
        device.download(seen, arrays[name])
        np.testing.assert_array_equal(seen, value)
        assert value.std() > 0.01, "this comparison would not see a fault"


def test_tensors_are_bound_once_and_run_again_with_what_is_there(onnx_file):
    device = HostMemory()
    with fake_tensorrt() as trt:
        runner = TrtRunner(plan(trt, onnx_file), device)
        arrays = bound(runner, device)
        seen = []
        for value in (0.0, 1.0):
            device.upload(arrays["image"], np.full(SHAPE, value, np.float32))
            runner.run()
            seen.append(device._view(arrays["lanes.map"]).copy())
    assert not np.array_equal(*seen)


def test_only_what_the_tensor_is_can_be_bound(onnx_file):
    device = HostMemory()
    with fake_tensorrt() as trt:
        runner = TrtRunner(plan(trt, onnx_file), device)
        right = device.allocate(SHAPE, np.float32)
        for array in (device.allocate(SHAPE, np.int8), device.allocate((1, 3, 8, 8), np.float32)):
            with pytest.raises(ValueError, match=r"image: expected float32 \(1, 3, 8, 12\), got"):
                runner.bind("image", array)
        with pytest.raises(ValueError, match=r"expected one of .*'image'.* got 'picture'"):
            runner.bind("picture", right)
        with pytest.raises(ValueError, match="multiple of 256"):
            runner.bind("image", replace(right, pointer=right.pointer + 16))
        runner.bind("image", right)
        with pytest.raises(ValueError, match=r"got none for \['drivable.map', 'lanes.map'\]"):
            runner.run()


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [("memory", BackendUnavailable, "execution context"), ("run", FrameError, "to take the frame")],
)
def test_what_tensorrt_refuses_is_told(fault, error, text, onnx_file):
    with fake_tensorrt() as trt:
        data = plan(trt, onnx_file)
    with fake_tensorrt(fault=fault), pytest.raises(error, match=text):
        one_frame(data)


def test_an_engine_of_another_version_is_refused_with_tensorrt_s_reason(onnx_file, tmp_path, caplog):
    with fake_tensorrt("10.3.0") as trt:
        (tmp_path / "engine.plan").write_bytes(plan(trt, onnx_file))
    with fake_tensorrt("10.7.0"), pytest.raises(BundleError, match=r"10\.7\.0 for host.*of version 10\.3\.0"):
        TrtRunner(tmp_path / "engine.plan", HostMemory())
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.mark.parametrize("data", [b"", b"nonsense", b"FAKEPLAN\n{}\n"])
def test_damaged_engines_are_refused(data):
    with fake_tensorrt(), pytest.raises(BundleError, match="build it on this device"):
        TrtRunner(data, HostMemory())


def test_a_missing_engine_is_told(tmp_path):
    with fake_tensorrt(), pytest.raises(BundleError, match=r"No such file.*perception engine"):
        TrtRunner(tmp_path / "none", HostMemory())


@pytest.mark.parametrize(("version", "works"), [("8.5.3", False), ("8.6.1", True), ("12.0.0", False)])
def test_versions_outside_the_range_are_refused(version, works, monkeypatch):
    with fake_tensorrt() as trt:
        monkeypatch.setattr(trt, "__version__", version)
        if works:
            assert load() is trt
        else:
            with pytest.raises(BackendUnavailable, match=f"got {version}"):
                load()


@pytest.mark.parametrize(
    ("library", "remedy"),
    [
        ("libnvdla_compiler.so", "nvidia-l4t-dla-compiler"),
        ("libnvinfer.so.10", "apt install tensorrt"),
        ("libcudnn.so.8", "libcudnn8"),
        ("libother.so", "--system-site-packages"),
    ],
)
def test_a_missing_library_is_named_with_what_to_do(library, remedy, tmp_path):
    text = f"raise ImportError('{library}: cannot open shared object file: No such file or directory')"
    (tmp_path / "tensorrt.py").write_text(text)
    code = "from perception.backends.trt import load\ntry: load()\nexcept Exception as e: print(repr(e))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": f"{tmp_path}:."}, capture_output=True, text=True
    )
    assert "BackendUnavailable" in done.stdout
    assert library in done.stdout
    assert remedy in done.stdout


def test_what_is_installed_is_told_by_the_library_too(tmp_path):
    code = (
        "import ctypes, sys; from perception.backends.trt import installed; "
        "print(installed()); ctypes.CDLL(sys.argv[1]); print(installed())"
    )
    library = tmp_path / "libnvinfer.so.10.3.0"
    subprocess.run(["gcc", "-shared", "-o", library, "-x", "c", "/dev/null"], check=True)
    with fake_tensorrt():
        command = [sys.executable, "-c", code, library]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["10.3.0", f"10.3.0 {library.name}:{library.stat().st_size}"]


def test_only_declared_names_may_be_asked_for():
    with fake_tensorrt("8.6.1") as trt:
        assert named(trt, "IProgressMonitor") is None
        with pytest.raises(KeyError, match="a name of VERSIONED"):
            named(trt, "Builder.num_DLA_cores")
