"""The commands over `images` with the bundle `tiny`, by a package with a fifth task; outcome in told.json.

Run by `test_fifth_task` with that package; it knows of the task only its name.
"""

from __future__ import annotations

import json
from contextlib import closing, redirect_stdout
from io import StringIO
from os import listdir
from pathlib import Path
from shutil import copytree
from threading import Event
from typing import Any

from perception import cli
from perception.node.bus import InProcessBus
from perception.node.node import PerceptionNode
from perception.node.parameters import Settings
from perception.node.player import play
from perception.sources import open_source
from perception.sources.drive import Drive

IMAGES, BUNDLE = "images", "tiny"
STORED = Path("kept/images.jsonl")


def perception(*arguments: str) -> int:
    """The exit code."""
    try:
        cli.app([*arguments, "--bundle", BUNDLE])
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def recorded() -> list[float]:
    copytree(IMAGES, "drive")
    Path("drive/timestamps.csv").write_text("".join(f"{k}.5\n" for k in range(len(listdir("drive")))))
    perception("record", "drive", "--out", "drive.mcap")
    return [packed.message().temperature for packed in Drive("drive.mcap").bag.raw({"/perception/fog"})]


def published() -> tuple[float, int]:
    """What the first message says, and how many there are."""
    heard: list[Any] = []
    answered, bus = Event(), InProcessBus()
    bus.subscribe("~/fog", "sensor_msgs/msg/Temperature", lambda it: (heard.append(it), answered.set()))
    settings = Settings(bundle=BUNDLE, device="cpu")
    with closing(open_source(IMAGES)) as source, closing(PerceptionNode(bus, settings)) as node:
        node.configure()
        node.activate()
        play(source, bus, settings, 1)
        answered.wait(120)
        node.deactivate()
    return heard[0].temperature, len(heard)


def gate() -> tuple[dict[str, int], str]:
    """Exit codes, and what is said of scenes with another number."""
    ask = "gate", IMAGES, "--reference", "kept"
    codes = {"new": perception(*ask, "--by", "scenes", "--update-reference"), "same": perception(*ask)}
    first, *rest = STORED.read_text().splitlines()
    STORED.write_text("\n".join([json.dumps({**json.loads(first), "fog": 0.5}), *rest]) + "\n")
    with redirect_stdout(StringIO()) as said:
        codes["changed"] = perception(*ask)
    return codes, said.getvalue()


def main() -> None:
    perception("run", IMAGES, "--out", "out")
    codes, difference = gate()
    told = {"recorded": recorded(), "published": published(), "gate": codes, "difference": difference}
    Path("told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
