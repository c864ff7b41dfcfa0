"""The doctor's frame through the CUDA kernels, compiled for the processor: right, and found if wrong."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from deploy.doctor.examine import examine
from deploy.doctor.gpu import checked
from deploy.doctor.machine import Machine
from tests.deploy.machines import chosen
from tests.gpu.on_fake import environment
from tests.kernels.host_device import HostDevice

RESULTS = [
    "input",
    "detection.objects",
    "drivable.labels",
    "lanes.cells",
    "lanes.logits",
    "lanes.paint",
    "lanes.edge_cells",
    "lanes.edge_logits",
    "crops",
]


@pytest.fixture
def device():
    device = HostDevice(seed=3)
    yield device
    device.close()


def test_kernels_that_are_right(device):
    wrong, names = checked(device)
    assert wrong == []
    assert names == RESULTS
    assert {"letterbox", "objects", "upsampled_labels", "lane_cells", "edge_cells", "sign_crops"} <= set(
        device.launched
    )


class Broken(HostDevice):
    """A device on which one kernel does nothing."""

    idle = ""

    def launch(self, source, kernel, grid, block, *arguments):
        if kernel != self.idle:
            super().launch(source, kernel, grid, block, *arguments)

    def allocate(self, shape, dtype):
        array = super().allocate(shape, dtype)
        self.fill(array, 0)
        return array


@pytest.mark.parametrize(
    ("idle", "result"),
    [
        ("letterbox", "input"),
        ("objects", "detection.objects"),
        ("upsampled_labels", "drivable.labels"),
        ("lane_cells", "lanes.cells"),
        ("edge_cells", "lanes.edge_cells"),
        ("sign_crops", "crops"),
    ],
)
def test_a_kernel_that_does_nothing(idle, result):
    device = Broken()
    device.idle = idle
    assert result in checked(device)[0]
    device.close()


class Shifted(HostDevice):
    """A device that brings everything back a little wrong."""

    def download(self, target, source):
        super().download(target, source)
        if target.dtype == np.float32:
            target += np.float32(0.1)


def test_results_that_are_a_little_wrong():
    device = Shifted()
    assert checked(device)[0] == ["input", "crops"]
    device.close()


@pytest.mark.skipif(not find_spec("pycuda"), reason="pycuda is not installed")
@pytest.mark.parametrize("integrated", ["0", "1"])
def test_the_whole_gpu_half_on_the_real_pycuda(tmp_path, integrated):
    """Driver, compiler, pycuda and kernels; the driver and the compiler are the tests' own."""
    machine = Machine(tmp_path, environment(FAKECUDA_INTEGRATED=integrated, FAKECUDA_CAPABILITY="8.7"))
    findings = {finding.name: finding for finding in examine(machine, chosen("kernels on the GPU"))}
    assert {finding.status for finding in findings.values()} == {"ok"}, findings
    assert findings["kernels on the GPU"].seen.startswith("9 results on")
    assert "sm_87" in findings["CUDA driver"].seen


@pytest.mark.skipif(not find_spec("pycuda"), reason="pycuda is not installed")
def test_a_launch_that_fails_on_the_device(tmp_path):
    machine = Machine(tmp_path, environment(FAKECUDA_FAIL_LAUNCH="2", FAKECUDA_CAPABILITY="8.7"))
    finding = examine(machine, chosen("kernels on the GPU"))[-1]
    assert finding.status == "degraded"
    assert "expected the work to succeed" in finding.seen
