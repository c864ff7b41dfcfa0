"""The kernels, compiled by the user's nvcc for the device at hand, once, and kept.

Kept in `$XDG_CACHE_HOME/perception/kernels` (`~/.cache/...`), a file for each kernel file, architecture, nvcc
and text of the sources. A file begins with the checksum of the rest; if that is wrong, it is made anew.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from perception.errors import BackendUnavailable

log = logging.getLogger(__name__)

SOURCES = Path(__file__).parent
# No fused multiply-add but where it is written: as in the kernels that the tests compile for the processor.
# They wait for memory, so that it costs nothing.
FLAGS = ("-O3", "--std=c++17", "--fmad=false")
LIMIT_S = 300.0  # a Jetson Nano takes a minute
TOOLKITS = ("/usr/local/cuda",)  # where it is on a Jetson, in PATH or not
CHECKSUM = hashlib.sha256().digest_size


def cubin(source: str, capability: tuple[int, int], folder: Path = SOURCES) -> bytes:
    """The file `source` of `folder`, compiled for a compute capability: from the cache, or by nvcc into it.

    Raises BackendUnavailable if there is no nvcc or it fails.
    """
    nvcc = find_nvcc()
    architecture = f"sm_{capability[0]}{capability[1]}"
    key = _key(folder, architecture, _version(nvcc))
    kept = cache_folder() / f"{Path(source).stem}-{architecture}-{key}.cubin"
    code = _read(kept)
    if code is None:
        log.info("compiling %s for %s with %s, once", source, architecture, nvcc)
        code = _compile(nvcc, folder / source, architecture)
        _keep(kept, code)
    return code


def find_nvcc() -> str:
    """`$PERCEPTION_NVCC`, else nvcc in PATH, in `$CUDA_HOME`, where JetPack puts it.

    Raises BackendUnavailable.
    """
    named = os.environ.get("PERCEPTION_NVCC")
    homes = [*filter(None, [os.environ.get("CUDA_HOME")]), *TOOLKITS]
    places = [named] if named else ["nvcc", *(f"{home}/bin/nvcc" for home in homes)]
    for place in places:
        if found := shutil.which(place):
            return found
    raise BackendUnavailable(
        f"expected nvcc to compile the kernels for this device, found none at {', '.join(places)}",
        "install the CUDA toolkit (Jetson: apt install nvidia-jetpack) or set PERCEPTION_NVCC to its path",
    )


def cache_folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "perception" / "kernels"


def _key(folder: Path, architecture: str, version: str) -> str:
    """Of everything that changes the code. A header may be used by any source: all count for each."""
    digest = hashlib.sha256(repr((architecture, version, FLAGS)).encode())
    for path in sorted([*folder.glob("*.cu"), *folder.glob("*.cuh")]):
        digest.update(repr((path.name, path.read_bytes())).encode())
    return digest.hexdigest()[:16]


@cache
def _version(nvcc: str) -> str:
    return _output([nvcc, "--version"])


def _compile(nvcc: str, source: Path, architecture: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="perception-") as folder:
        out = Path(folder) / "out.cubin"
        _output([nvcc, "-cubin", f"-arch={architecture}", *FLAGS, "-o", str(out), str(source)])
        return out.read_bytes()


def _output(command: list[str]) -> str:
    """What it prints. Raises BackendUnavailable with its last lines if it fails."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendUnavailable(f"expected {command[0]} to compile the kernels, got: {error}") from error
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-10:])
        raise BackendUnavailable(
            f"expected {' '.join(command)} to succeed, got code {done.returncode}:\n{last}\n"
            "Use the nvcc that came with this device's CUDA: PERCEPTION_NVCC=/path/to/nvcc"
        )
    return done.stdout


def _read(path: Path) -> bytes | None:
    """The code, or None if there is none or it is damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    checksum, code = data[:CHECKSUM], data[CHECKSUM:]
    return code if hashlib.sha256(code).digest() == checksum else None


def _keep(path: Path, code: bytes) -> None:
    """Whole or not at all, also when two processes do it at once. If it cannot be kept, that is only slow."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(hashlib.sha256(code).digest() + code)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        log.warning("%s: cannot keep the compiled kernels: %s. Each start will compile them", path, error)
