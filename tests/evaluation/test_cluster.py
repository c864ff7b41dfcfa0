"""The same work on a local Ray, in a process of its own.

Ray leaves threads behind, and handlers of signals in place of Python's: a crash later on would show no stack.
"""

import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("cluster_cases.py")


def test_on_ray():
    pytest.importorskip("ray")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(CASES)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
