"""A fifth task costs one folder, one line in the table of tasks and one field of Scene: no other file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import perception
from perception import bundle

PACKAGE = Path(perception.__file__).parent
FOLDER = Path(__file__).parent / "fog"
COMMANDS = Path(__file__).parent / "fog_commands.py"
CHANGES = {  # file -> where a line is added, and the line
    "types.py": [("    events: tuple[Event, ...] | None = None\n", "    fog: float | None = None\n")],
    "tasks/__init__.py": [
        ("from perception.tasks.detection import Detection\n", "from perception.tasks.fog import Fog\n"),
        ('    "drivable": Drivable,\n', '    "fog": Fog,\n'),
    ],
}
SPREADS = (8, 32)  # standard deviations of the images
WANTED = [round(1 - spread / 128, 3) for spread in SPREADS]


def linked(folder: Path, to: Path, apart: set[Path]) -> None:
    """`folder` with the files of `to`, but those `apart`."""
    folder.mkdir()
    for path in to.iterdir():
        own = folder / path.name
        if path in apart:
            continue
        if any(path in other.parents for other in apart):
            linked(own, path, apart)
        else:
            own.symlink_to(path)


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A folder with the package and the fifth task in it."""
    root = tmp_path_factory.mktemp("grown")
    linked(root / "perception", PACKAGE, {PACKAGE / name for name in CHANGES})
    for name, changes in CHANGES.items():
        text = (PACKAGE / name).read_text()
        for place, line in changes:
            assert text.count(place) == 1
            text = text.replace(place, place + line)
        (root / "perception" / name).write_text(text)
    (root / "perception/tasks/fog").symlink_to(FOLDER)
    return root


@pytest.fixture(scope="module")
def folder(_bundle, tmp_path_factory):
    """Images, and a bundle that asks for the fifth task."""
    folder = tmp_path_factory.mktemp("fog")
    (folder / "images").mkdir()
    for k, spread in enumerate(SPREADS):
        image = np.full((64, 96, 3), 128 - spread, np.uint8)
        image[:, ::2] = 128 + spread
        cv2.imwrite(str(folder / f"images/{k}.png"), image)
    shutil.copytree(_bundle, folder / "tiny")
    spec = bundle.read(folder / "tiny")
    fog = bundle.TaskSpec("fog", ("fog",), ())
    bundle.write(folder / "tiny", replace(spec, tasks={**spec.tasks, "fog": fog}))
    return folder


@pytest.fixture(scope="module")
def told(grown, folder):
    """What the commands do with it, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(grown), "PERCEPTION_RUNTIME": "onnxruntime"}
    command = [sys.executable, str(COMMANDS)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "told.json").read_text())


def test_it_is_in_json(told, folder):
    lines = (folder / "out/scenes.jsonl").read_text().splitlines()
    assert [json.loads(line)["fog"] for line in lines] == pytest.approx(WANTED, abs=1e-3)


def test_it_is_in_the_summary(told, folder):
    found = json.loads((folder / "out/summary.json").read_text())["found"]
    assert found["fog"]["mean"] == pytest.approx(np.mean(WANTED), abs=1e-3)


def test_it_is_painted(told, folder):
    assert (cv2.imread(str(folder / "out/overlay/0.jpg"))[-1] > 200).all()


def test_it_is_in_a_recorded_drive(told):
    assert told["recorded"] == pytest.approx(WANTED, abs=1e-3)


def test_the_node_publishes_it(told):
    assert told["published"][:2] == pytest.approx([WANTED[0], 1], abs=1e-3)


def test_the_gate_compares_it(told):
    assert told["gate"] == {"new": 0, "same": 0, "changed": 1}
    assert "fog.value: 1 of 2 beyond 0.02" in told["difference"]


def test_no_other_file_was_touched(grown):
    own = {path for path in (grown / "perception").rglob("*") if path.is_file() and not path.is_symlink()}
    names = {str(path.relative_to(grown / "perception")) for path in own if "__pycache__" not in path.parts}
    assert names == set(CHANGES)
