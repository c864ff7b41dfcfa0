"""The probe of device "cuda": a reason for whatever is missing, also if it crashes or hangs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from perception.backends.cuda_ready import fault, numbers
from tests.deploy.machines import Fake, driver_library, real_driver

ROOT = Path(__file__).parents[2]
ASK = "import json, sys; from perception.backends.cuda_ready import refusal; "


@pytest.fixture(scope="module")
def driver_folder(tmp_path_factory):
    return driver_library(tmp_path_factory.mktemp("driver"))


@pytest.fixture
def fake(tmp_path, driver_folder):
    return Fake(tmp_path, driver_folder)


def refusal(fake: Fake, limit_s: float = 30) -> str | None:
    """What a program on that machine is told."""
    done = subprocess.run(
        [sys.executable, "-c", f"{ASK}print(json.dumps(refusal({limit_s})))"],
        cwd=ROOT,
        env=fake.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


BROKEN = {
    "no device": (lambda m: m.driver(init=100), "no device"),
    "crash": (lambda m: m.driver(init=-1), "ended with code -11"),
    "no pycuda": (lambda m: m.driver().module("pycuda", "raise ImportError('no pycuda')"), "no pycuda"),
    "no TensorRT": (lambda m: m.driver().pycuda().module("tensorrt", "raise ImportError('gone')"), "gone"),
    "old TensorRT": (lambda m: m.driver().pycuda().tensorrt("8.4.1").nvcc(), "got 8.4.1"),
    "no code for Orin": (lambda m: m.driver().pycuda().tensorrt("10.13.3.9").nvcc(), "sm_87"),
    "no nvcc": (lambda m: m.driver().pycuda().tensorrt(), "nvcc"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_missing_is_the_reason(fake, kind):
    break_it, reason = BROKEN[kind]
    assert reason in refusal(break_it(fake))


def test_a_driver_that_hangs_is_given_up(fake):
    assert refusal(fake.driver(init=-2), limit_s=1) == "its probe did not answer within 1 s"


@pytest.mark.skipif(real_driver(), reason="this machine has a CUDA driver")
def test_without_a_driver_no_process_is_started(fake):
    code = "import perception.backends.cuda_ready as it; it.subprocess = None; print(it.refusal())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=fake.environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("no CUDA driver")


def test_a_jetson_in_order_is_not_refused(fake):
    assert refusal(fake.jetson()) is None


@pytest.mark.parametrize(
    ("version", "capability", "known"),
    [
        ((10, 13, 3, 9), (8, 7), True),
        ((10, 13, 3, 9), (11, 0), False),
        ((10, 13, 2), (8, 7), False),
        ((10, 16, 2), (8, 7), False),
    ],
)
def test_known_faults(version, capability, known):
    assert bool(fault(version, capability)) == known


def test_numbers_of_a_version():
    assert numbers("10.13.3.9+cuda13.0") == (10, 13, 3, 9)
    assert numbers("10.3.0.post1") == (10, 3, 0)
