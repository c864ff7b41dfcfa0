"""A real TensorRT takes our files: TensorRT for RTX, whose parser and builder run without a GPU.

It is the builder of deploy/engine_build.py that drives it. What the legality checker of deploy/legality.py
refuses, it refuses too. It cannot run engines here, nor build for Orin or Thor.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from calibration.int8.scales import calibrate
from deploy import legality
from deploy.engine import Subprocess, engine
from deploy.quantize import for_tensorrt
from perception import bundle
from perception.backends.engine_cache import EngineCache, EngineOptions
from perception.backends.onnx_cut import cut
from perception.backends.onnx_size import resized
from perception.kernels.launch import MAX_SIGNS
from tests.batches import smooth
from tests.gpu.tensorrt_fake import SHAPE, network
from tests.gpu.test_engine_cache import ORIN

ROOT = Path(__file__).parents[2]
PACKAGES = Path(os.environ.get("PERCEPTION_RTX", ROOT / ".venv" / "rtx"))
FAULTS = {  # what is wrong -> what TensorRT says
    "int32 bias": "input has type Int32 but must have type",
    "zero point": "Non-zero zero point is not supported",
    "computed scale": "is_constant",
}
pytestmark = pytest.mark.skipif(
    not (PACKAGES / "tensorrt_rtx_bindings").is_dir(),
    reason=f"TensorRT for RTX is not in {PACKAGES}: `make .venv/rtx` installs it (95 MB, Linux x86-64)",
)


def gate(*files):
    """What TensorRT says of each file."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGES), str(ROOT)])}
    command = [sys.executable, "-m", "tests.gpu.rtx_gate", *map(str, files)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith("{")]  # its libraries print, too
    return [json.loads(line) for line in said]


def test_the_builder_builds_with_a_real_tensorrt(tmp_path):
    file = network(tmp_path / "good.onnx")
    legality.check(onnx.load(file), file.name)
    (seen,) = gate(file)
    assert seen["bytes"] > 10_000, seen
    assert seen["timing"] > 32, "more than the seal of an empty one"
    assert seen["steps"] > 3


def test_the_network_is_built_for_another_input_size(tmp_path):
    name = bundle.read(bundle.SHIPPED).files["trt.int8"]["main"]
    file = tmp_path / name
    file.write_bytes(resized((bundle.SHIPPED / name).read_bytes(), (864, 288)))
    (seen,) = gate(file)
    assert seen.get("bytes", 0) > 10_000, seen


def test_a_free_batch_is_built_in_a_fixed_size(tmp_path):
    (seen,) = gate(network(tmp_path / "free.onnx", ("n", *SHAPE[1:])))
    assert seen["bytes"] > 10_000, seen


@pytest.mark.parametrize("fault", FAULTS)
def test_what_the_checker_refuses_tensorrt_refuses(fault, tmp_path):
    file = network(tmp_path / "bad.onnx", fault=fault)
    assert legality.faults(onnx.load(file))
    (seen,) = gate(file)
    assert FAULTS[fault] in seen["fault"]


@pytest.fixture(scope="module")
def quantised(tmp_path_factory):
    """The shipped networks for TensorRT, with the spans of drawn pictures: TensorRT does not mind."""
    folder, spec = tmp_path_factory.mktemp("quantised"), bundle.read(bundle.SHIPPED)
    for kind, size, count, batch in (("main", spec.input_size, 2, 1), ("signs", (64, 64), 4, MAX_SIGNS)):
        source = bundle.SHIPPED / spec.files["fp32"][kind]
        for_tensorrt(source, calibrate(source, smooth(count, size)), folder / f"{kind}.onnx", batch)
    return folder


def test_the_shipped_networks_are_built(quantised):
    main, signs = gate(quantised / "main.onnx", quantised / "signs.onnx")
    assert main.get("bytes", 0) > 1_000_000, main
    assert signs.get("bytes", 0) > 500_000, signs


def test_a_part_of_the_shipped_network_is_built(quantised, tmp_path):
    part = tmp_path / "lanes.onnx"
    part.write_bytes(cut((quantised / "main.onnx").read_bytes(), ["lanes.map"]))
    whole, lanes = gate(quantised / "main.onnx", part)
    assert 0 < lanes["bytes"] < 0.95 * whole["bytes"]


def test_the_whole_way_into_the_cache(quantised, tmp_path):
    """With its name and number changed to those of TensorRT it is what the builder's process imports."""
    shim = "from tensorrt_rtx_bindings import *\n__version__ = '11.0'\n"
    (tmp_path / "tensorrt.py").write_text(shim)
    cache, news = EngineCache(tmp_path / "cache"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(PACKAGES)]))
        options = EngineOptions(outputs=("drivable.map",))
        file, build = quantised / "main.onnx", Subprocess(300)
        plan = engine(file, options, ORIN, cache, None, news.append, build, version="11.0")
    assert plan.stat().st_size > 500_000
    assert len({progress.phase for progress in news}) > 2
    assert list(cache.folder.glob("*.timing"))
