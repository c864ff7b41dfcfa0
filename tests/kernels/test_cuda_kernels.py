"""Every CUDA kernel, compiled by g++, gives what the reference gives: in any order, and sanitized."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from perception.kernels import reference
from perception.kernels.launch import Launches
from perception.letterbox import Letterbox
from tests.kernels.cuda_cases import CASES, target
from tests.kernels.host_device import HostDevice, sanitized

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("case", [case for cases in CASES.values() for case in cases])
def test_kernel(case, seed):
    device = HostDevice(seed)
    case(device)
    device.close()


@pytest.mark.parametrize(
    ("image", "network"),
    [((1376, 784), (2752, 1568)), ((4160, 4096), (65, 64))],
    ids=["grown to 4.3 MP", "shrunk from 17 MP"],
)
def test_the_sums_of_a_large_picture_do_not_overflow(image, network):
    device, box = HostDevice(), Letterbox.fit(image, network)
    picture = np.full((image[1], image[0], 3), 255, np.uint8)
    picture[:, : image[0] // 2] = 100
    out = target(device, network, np.uint8)
    Launches(device).letterbox(device.put(picture), box, out)
    np.testing.assert_array_equal(device.get(out)[0], reference.letterboxed(picture, box))
    device.close()


def test_no_kernel_reads_or_writes_beside_its_memory_or_overflows():
    command = [sys.executable, "-m", "tests.kernels.cuda_cases"]
    done = subprocess.run(command, cwd=ROOT, env=sanitized(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {case.__name__ for cases in CASES.values() for case in cases}


def test_each_planted_bug_is_found():
    command = [sys.executable, "-m", "tools.kernel_mutants"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "MISSED" not in done.stdout
    assert done.stdout.count("found ") > 40
