"""Every CUDA kernel, compiled by g++, gives what the reference gives: in any order, and sanitized."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels.cuda_cases import CASES
from tests.kernels.host_device import HostDevice, sanitized

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("case", [case for cases in CASES.values() for case in cases])
def test_kernel(case, seed):
    device = HostDevice(seed)
    case(device)
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
