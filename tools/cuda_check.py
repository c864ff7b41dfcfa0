"""What nvcc makes of the kernels, every .cu for every architecture, with warnings as errors; what they move.

`python -m tools.cuda_check [--nvcc PATH]` prints a table and ends with 1 if a kernel does not compile or is
over a limit: registers, of which a block of 1024 threads must get enough; no stack and no spills, which would
go through memory. It needs no GPU.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from perception.kernels.compile import FLAGS

KERNELS = Path(__file__).parents[1] / "perception" / "kernels"
WANTED = tuple(f"sm_{n}" for n in (75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121))  # 87 Orin, 110 Thor
MOST_REGISTERS = 64  # a thread: a block, of up to 1024, has 65536
BANDWIDTH = {"Orin": 204.8, "Thor": 273.0}  # GB/s, of the data sheets of AGX Orin and AGX Thor
PIP = tuple(f"nvidia-{name}" for name in ("cuda-nvcc", "cuda-crt", "nvvm", "cuda-runtime", "cuda-cccl"))
STRICT = ("-Werror", "all-warnings", "-Xptxas", "-v")
FUNCTION = re.compile(
    r"Compiling entry function '(?P<kernel>\w+)' for '(?P<architecture>\w+)'.*?"
    r"Function properties for (?P=kernel)\s+"
    r"(?P<stack>\d+) bytes stack frame, "
    r"(?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads.*?"
    r"Used (?P<registers>\d+) registers"
    r"(?:[^\n]*?(?P<cumulative>\d+) bytes cumulative stack size)?"
    r"(?:[^\n]*?(?P<shared>\d+) bytes smem)?",
    re.DOTALL,
)


class Use(NamedTuple):
    """What one kernel takes on one architecture, bytes but for the registers."""

    kernel: str
    architecture: str
    registers: int
    stack: int
    spilled: int
    shared: int

    @property
    def good(self) -> bool:
        return self.registers <= MOST_REGISTERS and self.stack == self.spilled == 0


def uses(report: str) -> list[Use]:
    """From what `ptxas -v` prints."""
    found = []
    for match in FUNCTION.finditer(report):
        n = {name: int(match[name] or 0) for name in ("registers", "stack", "cumulative", "shared")}
        spilled = int(match["stores"]) + int(match["loads"])
        stack = max(n["stack"], n["cumulative"])
        found.append(Use(match["kernel"], match["architecture"], n["registers"], stack, spilled, n["shared"]))
    return found


def of_pip() -> str | None:
    """The nvcc of the packages `PIP` in this environment."""
    for folder in sys.path:
        for nvcc in Path(folder).glob("nvidia/cu*/bin/nvcc"):
            return str(nvcc)
    return None


def known(nvcc: str) -> list[str]:
    """Those of the wanted architectures that this nvcc compiles for."""
    listed = subprocess.run(
        [nvcc, "--list-gpu-code"], capture_output=True, text=True, check=True
    ).stdout.split()
    return [architecture for architecture in WANTED if architecture in listed]


def compiled(nvcc: str, source: Path, architecture: str) -> list[Use]:
    """Raises RuntimeError with what nvcc says."""
    command = [nvcc, "-cubin", f"-arch={architecture}", *FLAGS, *STRICT, "-o", os.devnull, str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{source.name} for {architecture}: nvcc gave up\n{done.stdout}{done.stderr}")
    found = uses(done.stderr + done.stdout)
    if sorted(use.kernel for use in found) != sorted(kernels_of(source)):
        raise RuntimeError(
            f"{source.name}: expected ptxas to speak of {kernels_of(source)}, got\n{done.stderr}"
        )
    return found


def kernels_of(source: Path) -> list[str]:
    return re.findall(r"__global__ void __launch_bounds__\(\w+\)\s*(\w+)\(", source.read_text())


def table(found: list[Use], architectures: list[str]) -> str:
    """A row a kernel: registers on each architecture, shared memory, and what is over a limit."""
    rows = [f"{'kernel':<18} {'shared':>6}  " + " ".join(f"{a:>6}" for a in architectures)]
    for kernel in dict.fromkeys(use.kernel for use in found):
        of_kernel = {use.architecture: use for use in found if use.kernel == kernel}
        cells = [
            f"{use.registers}{'' if use.good else '!'}" for use in map(of_kernel.get, architectures) if use
        ]
        shared = max(use.shared for use in of_kernel.values())
        rows.append(f"{kernel:<18} {shared:>6}  " + " ".join(f"{cell:>6}" for cell in cells))
    return "\n".join(rows)


def moved() -> dict[str, tuple[int, int]]:
    """Bytes that each kernel must read and write for one frame of a 720p camera, with the default network.

    float32 input, 1000 candidates, 3400 lane cells (the most in 49 pictures of roads), 16 signs as large as
    their crops: all more than is usual.
    """
    image, pixels, floats = 1280 * 720, 640 * 384, 4
    cells = pixels // 64 + pixels // 256 + pixels // 1024
    maps = 16 * pixels // 64 * floats
    outputs = (6 + 4) * cells * floats + 4 * maps
    target, crops = 3 * pixels * floats, 16 * 64 * 64 * 3
    return {
        "letterbox": (3 * image, target),
        "check_finite": (outputs, 0),
        "candidates": (6 * cells * floats, 1000 * 8),
        "best": (1000 * 8, 1000 * 8),
        "objects": (1000 * (8 + 4 * floats), 100 * 6 * floats),
        "upsampled_labels": (maps, pixels),
        "lane_cells": (2 * maps, 3400 * 8 + pixels // 4 // 8),
        "edge_cells": (maps, 3400 * 8),
        "sign_crops": (crops, crops * floats),
    }


def floors() -> list[str]:
    """Rows of a Markdown table: the kernel, kB read and written, and the least microseconds that takes."""
    rows = ["| kernel | reads, kB | writes, kB | Orin, µs | Thor, µs |", "|---|---|---|---|---|"]
    for kernel, (read, written) in moved().items():
        least = (f"{(read + written) / rate / 1e3:.1f}" for rate in BANDWIDTH.values())
        rows.append(f"| `{kernel}` | {read / 1e3:.0f} | {written / 1e3:.0f} | {' | '.join(least)} |")
    return rows


def main(argv: list[str] | None = None) -> int:
    """0 if everything compiles and is within the limits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nvcc", help="default: the one in PATH, else pip's")
    nvcc = parser.parse_args(argv).nvcc or shutil.which("nvcc") or of_pip()
    if nvcc is None:
        parser.error(f"expected nvcc in PATH or from pip install {' '.join(PIP)}; --nvcc names another")
    architectures = known(nvcc)
    jobs = [(source, a) for source in sorted(KERNELS.glob("*.cu")) for a in architectures]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [use for part in pool.map(lambda job: compiled(nvcc, *job), jobs) for use in part]
    bad = [use for use in found if not use.good]
    print(table(found, architectures))
    print(f"registers a thread (at most {MOST_REGISTERS}), shared memory in bytes; no stack, no spills\n")
    print(*floors(), sep="\n")
    for use in bad:
        print(f"over the limit: {use}")
    return bool(bad)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        sys.exit(str(error))
