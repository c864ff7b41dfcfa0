"""Tests that run in a process of their own, on the real pycuda and the fake CUDA driver.

    @on_fake(FAKECUDA_INTEGRATED="1")
    def test_something(): ...

The body runs in the other process, in which warnings are errors. The test also fails if anything is on
stderr, or if at the end something of the driver's is left: memory, streams, modules, contexts.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import hashlib
import importlib
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAKE = Path(__file__).parent / "fake_cuda"
BUILD = ROOT / "build" / "fake_cuda"  # kept between runs: 3 s
GXX = ["g++", "-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread"]
KINDS = ("pieces", "pinned", "streams", "modules", "contexts", "current", "overruns")


def library() -> Path:
    """The fake driver, built if its source has changed."""
    source = FAKE / "fake_cuda.cpp"
    path = BUILD / hashlib.sha256(source.read_bytes()).hexdigest()[:16] / "libcuda.so.1"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{os.getpid()}.part")
        subprocess.run([*GXX, "-Wl,-soname,libcuda.so.1", "-o", str(part), str(source)], check=True)
        part.replace(path)
    return path


def nvcc() -> Path:
    """The fake compiler, as a program."""
    path = BUILD / "nvcc"
    command = shlex.join([sys.executable, str(FAKE / "fake_nvcc.py")])
    text = f'#!/bin/sh\nexec {command} "$@"\n'
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"nvcc.{os.getpid()}.part")
        part.write_text(text)
        part.chmod(0o755)
        part.replace(path)
    return path


def environment(**modes: str) -> dict[str, str]:
    """Of a process that finds the fake driver and compiler. Modes: fake_cuda.cpp."""
    return {
        **os.environ,
        "LD_LIBRARY_PATH": str(library().parent),
        "PERCEPTION_NVCC": str(nvcc()),
        "XDG_CACHE_HOME": str(BUILD / "cache"),
        "PYTHONPATH": str(ROOT),
        **modes,
    }


@functools.cache
def compile_ahead() -> None:
    """What frames need. Imported here: in the other process nothing shall come before the driver."""
    from perception.kernels.__main__ import main
    from perception.stages.warm import warm_up

    main()
    warm_up()


def count(name: str) -> int:
    """What the fake driver counted: "uploads", "upload_bytes", "synchronises", "launches", ..."""
    function = ctypes.CDLL("libcuda.so.1").fakecuda_count
    function.restype = ctypes.c_long
    return int(function(name.encode()))


def on_fake(stderr: bool = False, **modes: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """`stderr`: lines there are no failure, as pycuda warns when it cleans up a context that is lost."""

    def decorate(test: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(test)
        def run() -> None:
            if not find_spec("pycuda"):
                pytest.skip("pycuda is not installed: make test does it, by tools/pycuda_without_gpu.sh")
            compile_ahead()  # or the process says that it does, in its errors
            command = [sys.executable, "-W", "error", "-m", __name__, test.__module__, test.__name__]
            done = subprocess.run(
                command, cwd=ROOT, env=environment(**modes), capture_output=True, text=True, timeout=300
            )
            assert done.returncode == 0, done.stderr
            assert stderr or not done.stderr, done.stderr

        return run

    return decorate


def _report_leaks() -> None:
    left = {kind: number for kind in KINDS if (number := count(kind))}
    if left:
        print(f"left in the driver: {left}", file=sys.stderr)


if __name__ == "__main__":
    atexit.register(_report_leaks)  # the first to register is the last to run: after the devices' own
    module, name = sys.argv[1:]
    getattr(importlib.import_module(module), name).__wrapped__()
