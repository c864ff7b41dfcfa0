"""Stands in for nvcc: compiles a kernel file by g++ into the kind of module that the fake driver loads.

Called as nvcc is. The kernels are what tests/kernels/host_device.py makes of them, in a module that also
tells the architecture it is for, as a cubin does.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[2]
HEADER = TESTS / "kernels" / "host_cuda.h"
ARCHITECTURES = (75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121)  # of nvcc 13.0
FLAGS = ("-fno-gnu-unique",)  # else two modules would share their variables, and none could be unloaded


def module(source: Path, architecture: int) -> str:
    """C++ of `source` with an entry point for each of its kernels."""
    from tests.kernels.host_device import ENTRY

    entries = [f"HOST_KERNEL({name}, {threads})" for threads, name in ENTRY.findall(source.read_text())]
    mark = f'HOST_ENTRY fake_architecture() {{ return "{architecture}"; }}'
    return "\n".join([f'#include "{HEADER}"', f'#include "{source.resolve()}"', *entries, mark, ""])


def compile(source: Path, out: str, architecture: str) -> int:
    from tests.kernels import host_device

    number = int(architecture.removeprefix("sm_"))
    if number not in ARCHITECTURES:
        print(f"nvcc fatal   : Unsupported gpu architecture 'compute_{number}'", file=sys.stderr)
        return 1
    command = ["g++", *host_device.FLAGS, *FLAGS, "-x", "c++", "-", "-o", out]
    return subprocess.run(command, input=module(source, number), text=True, check=False).returncode


def main() -> int:
    if sys.argv[1:] == ["--version"]:
        parts = HEADER, HEADER.with_name("host_device.py"), Path(__file__)
        made_of = hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()
        print(f"nvcc: a stand-in, release 13.0, V13.0.{made_of[:16]}")
        return 0
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-cubin", action="store_true", required=True)
    parser.add_argument("-arch", required=True)
    parser.add_argument("-o", required=True)
    parser.add_argument("source", type=Path)
    known, _ = parser.parse_known_args()
    return compile(known.source, known.o, known.arch)


if __name__ == "__main__":
    sys.path.insert(0, str(TESTS.parent))
    sys.exit(main())
