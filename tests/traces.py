"""What a command does to the world, by strace: whom it talks to and which files it makes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CALLS = (
    "openat,creat,mkdir,mkdirat,rename,renameat2,link,linkat,symlink,symlinkat,connect,bind,sendto,sendmsg"
)
ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
OPENED = re.compile(r"^(?:openat|creat)\(.*= \d+<(.*)>$")
MADE = re.compile(r"^(?:mkdir|rename|link|symlink)\w*\(.* = 0$")
WRITING = re.compile(r"^creat|\b(?:O_WRONLY|O_RDWR|O_CREAT|O_TRUNC)\b")
OWN = ("127.", "::1")  # this machine
NO_FILES = ("/dev/", "/proc/")  # memory that processes share is in /dev/shm


@dataclass
class Trace:
    code: int
    output: str
    hosts: set[str]  # not this machine
    files: set[Path]


def traced(folder: Path, *command: str) -> Trace:
    """Python with these arguments; home, caches and temporary files are below `folder`."""
    if shutil.which("strace") is None:
        pytest.skip("no strace: apt install strace")
    for name in ("home", "cache", "temporary", "work", "trace"):
        (folder / name).mkdir()
    places = {"HOME": "home", "XDG_CACHE_HOME": "cache", "TMPDIR": "temporary"}
    environment = os.environ | {key: str(folder / name) for key, name in places.items()}
    environment |= {"PYTHONPATH": str(ROOT), "PERCEPTION_RUNTIME": "onnxruntime"}
    strace = ["strace", "-ff", "-qq", "-y", "--seccomp-bpf", "-e", f"trace={CALLS}"]
    done = subprocess.run(
        [*strace, "-o", str(folder / "trace" / "of"), sys.executable, *command],
        cwd=folder / "work",
        env=environment,
        capture_output=True,
        text=True,
    )
    lines = [
        line
        for file in (folder / "trace").iterdir()
        for line in file.read_text(errors="replace").splitlines()
    ]
    if not lines:
        pytest.skip(f"no strace here: {done.stderr[:200]}")
    return Trace(done.returncode, done.stdout + done.stderr, hosts(lines), files(lines, folder / "work"))


def hosts(lines: list[str]) -> set[str]:
    found = {a or b for line in lines for a, b in ADDRESS.findall(line)}
    return {address for address in found if not address.startswith(OWN)}


def files(lines: list[str], folder: Path) -> set[Path]:
    """Files and folders that were opened for writing or made."""
    opened = [match[1] for line in lines if WRITING.search(line) and (match := OPENED.match(line))]
    made = [path for line in lines if MADE.match(line) for path in re.findall(r'"([^"]*)"', line)]
    return {folder / path for path in opened + made if not path.startswith(NO_FILES)}
