"""Can CUDA run the network here? The probe of device "cuda".

Where there is a driver it is asked in a process of its own: a broken driver or TensorRT crashes or hangs what
loads it, and that must not be the program that wants to fall back to the CPU.

    python -m perception.backends.cuda_ready

prints the reason why not, as JSON, or null.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from perception.driver import load, look
from perception.errors import BackendUnavailable

LIMIT_S = 60.0  # TensorRT's first import reads a gigabyte from an SD card
ORIN = (8, 7)

Version = tuple[int, ...]


def refusal(limit_s: float = LIMIT_S) -> str | None:
    """Why CUDA cannot run the network on this machine; None: it can."""
    try:
        load()
    except BackendUnavailable as error:
        return str(error)
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(_paths())},
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"its probe did not answer within {limit_s:g} s"
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return f"its probe ended with code {done.returncode}: {done.stderr.strip()[-300:]}"


def reason() -> str | None:
    """The same in this process, which a fault may end."""
    try:
        device = look()
        from perception.backends import trt
        from perception.kernels import compile, cuda

        cuda.driver()
        version = numbers(trt.load().__version__)
        compile.find_nvcc()
    except BackendUnavailable as error:
        return str(error)
    return fault(version, device.capability)


def numbers(text: str) -> Version:
    """The leading numbers of a version: "10.3.0.post1" is (10, 3, 0)."""
    return tuple(int(part) for part in re.split(r"[^\d.]", text)[0].split(".") if part)


def fault(version: Version, capability: tuple[int, int]) -> str | None:
    """A fault of this TensorRT that is known for devices of this compute capability."""
    if capability == ORIN and version[:3] == (10, 13, 3):
        return "TensorRT 10.13.3 has no code for Orin (sm_87); JetPack 7.2 brings 10.16, which has"
    return None


def _paths() -> list[str]:
    """Where the other process finds this package, then what it finds here."""
    return [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]


if __name__ == "__main__":
    print(json.dumps(reason()))
