"""Damaged files through the public readers, and a look at whether the tool would see a fault."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from random import Random

import pytest

from tools.faults import watch
from tools.faults.inputs import Input
from tools.faults.mutants import BYTES, TEXT, mutant

ROOT = Path(__file__).parents[2]
COUNTS = {"images": 1500, "videos": 150, "bags": 150, "labels": 500, "bundles": 700}


@pytest.mark.parametrize("kind", COUNTS)
def test_damaged_files_are_read_or_refused(kind):
    command = [sys.executable, "-m", "tools.faults", "--count", str(COUNTS[kind]), "--seed", "1", kind]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("changes", [BYTES, TEXT])
def test_a_mutant_is_always_another_file_and_the_same_again(changes):
    data = b'{"a": [1, 2.5, "x"]}\n{"b": null}\n'
    made = [mutant(data, Random(k), changes) for k in range(500)]
    assert data not in made
    assert made == [mutant(data, Random(k), changes) for k in range(500)]
    assert len(set(made)) > 300


def made(folder: Path, read, sealed: bool = False) -> list[Input]:
    path = folder / "a.txt"
    path.write_bytes(b"whole")
    return [Input(path, lambda: path.read_bytes() == b"whole" or read(), sealed=sealed)]


def buggy(folder: Path) -> list[Input]:
    return made(folder, lambda: {}["a bug"])


def dying(folder: Path) -> list[Input]:
    return made(folder, lambda: os.kill(os.getpid(), signal.SIGSEGV))


def endless(folder: Path) -> list[Input]:
    return made(folder, lambda: sum(1 for _ in count()))


def hungry(folder: Path) -> list[Input]:
    return made(folder, lambda: len(b"x" * (1100 << 20)))


def gullible(folder: Path) -> list[Input]:
    return made(folder, lambda: None, sealed=True)


FAULTS = {
    buggy: "KeyError: 'a bug'",
    dying: f"it ended with {-signal.SIGSEGV}",
    endless: "more than 0.2 s of a processor",
    hungry: "MB of memory",
    gullible: "a changed description is accepted",
}


@pytest.mark.parametrize("make", FAULTS)
def test_every_kind_of_fault_is_seen_and_the_next_mutant_is_tried(make, tmp_path):
    found = list(watch.faults("notes", make, 0, range(2), tmp_path, cpu_s=0.2 if make is endless else 10.0))
    assert [(fault.number, fault.file) for fault in found] == [(0, "a.txt"), (1, "a.txt")]
    assert all(FAULTS[make] in fault.what for fault in found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes-0-a.txt", "notes-1-a.txt"]


def unmade(folder: Path) -> list[Input]:
    raise OSError("the disk is full")


def unread(folder: Path) -> list[Input]:
    path = folder / "a.txt"
    path.write_bytes(b"whole")
    return [Input(path, lambda: os.kill(os.getpid(), signal.SIGSEGV))]


@pytest.mark.parametrize(("make", "why"), [(unmade, "the disk is full"), (unread, "it ended with -11")])
def test_without_undamaged_files_it_ends_and_says_why(make, why):
    (found,) = watch.faults("notes", make, 0, range(3, 9))
    assert (found.number, found.file) == (3, "")
    assert found.what.startswith("undamaged files cannot be made or read: ")
    assert why in found.what
