"""`perception info DRIVE`: what is in a recorded drive, and what is wrong with it."""

from __future__ import annotations

from array import array
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from perception.camera import CameraModel
from perception.errors import DataError
from perception.sources.bag import Bag, is_bag, open_bag
from perception.sources.bag_cameras import Cameras
from perception.sources.bag_pictures import TYPES
from perception.sources.drive import OURS

GAP = 1.5  # times the usual step
SHOWN = 50  # characters of a metadata field


@dataclass(frozen=True)
class TopicFacts:
    """Times are those of recording."""

    type: str
    count: int
    rate: float  # messages a second; 0: fewer than two
    first_ns: int
    last_ns: int
    gaps: int  # steps longer than GAP times the median
    longest_gap_s: float  # the longest step
    camera: CameraModel | None = None  # of pictures, if the drive tells


def is_drive(path: Path) -> bool:
    return path.exists() and is_bag(path)


def drive_info(path: Path) -> dict[str, Any]:
    """topics, duration, metadata, damage: what json.dumps takes. Reads the whole drive once.

    Raises SourceError.
    """
    bag = open_bag(path)
    topics = topic_facts(bag)
    used = [facts for facts in topics.values() if facts.count]
    first, last = min((t.first_ns for t in used), default=0), max((t.last_ns for t in used), default=0)
    return {
        "path": str(path),
        "duration_s": (last - first) / 1e9,
        "topics": {name: asdict(facts) for name, facts in topics.items()},
        "metadata": {name: dict(record) for name, record in bag.facts.items()},
        "damage": list(bag.damage),
        "lost": sum(bag.lost.values()),
    }


def topic_facts(bag: Bag) -> dict[str, TopicFacts]:
    times = {name: array("q") for name in bag.topics}
    for packed in bag.raw(set(bag.topics)):
        times[packed.topic].append(packed.time_ns)
    facts = {}
    for name, topic in sorted(bag.topics.items()):
        picture = topic.type in TYPES and not name.startswith(OURS)
        facts[name] = described(
            topic.type, np.array(times[name], np.int64), camera_of(bag, name) if picture else None
        )
    return facts


def described(type_name: str, times: np.ndarray, camera: CameraModel | None) -> TopicFacts:
    if not len(times):
        return TopicFacts(type_name, 0, 0.0, 0, 0, 0, 0.0, camera)
    steps = np.diff(np.sort(times))
    first, last = int(times.min()), int(times.max())
    if not steps.any():
        return TopicFacts(type_name, len(times), 0.0, first, last, 0, 0.0, camera)
    gaps = int((steps > GAP * np.median(steps)).sum())
    rate = len(steps) * 1e9 / (last - first)
    return TopicFacts(type_name, len(times), rate, first, last, gaps, steps.max() / 1e9, camera)


def camera_of(bag: Bag, topic: str) -> CameraModel | None:
    try:
        return Cameras(bag, topic).first()
    except DataError:
        return None


def shortened(value: str) -> str:
    """One line for the screen; JSON has all."""
    return value if len(value) <= SHOWN else f"{value[:SHOWN]} …"


def show(info: dict[str, Any], console: Console) -> None:
    """As tables."""
    table = Table(title=f"{escape(info['path'])}: {info['duration_s']:.2f} s", title_justify="left")
    table.add_column("topic, type", overflow="fold")
    for name in ("messages", "a second", "gaps", "longest step"):
        table.add_column(name, justify="right")
    for name, facts in info["topics"].items():
        step = f"{facts['longest_gap_s']:.3f} s"
        numbers = (str(facts["count"]), f"{facts['rate']:.2f}", str(facts["gaps"]), step)
        table.add_row(f"{escape(name)}\n[dim]{facts['type']}[/]", *numbers)
    console.print(table)
    for name, facts in info["topics"].items():
        if facts["camera"]:
            console.print(f"camera of {escape(name)}: {facts['camera']}")
    for record, entries in info["metadata"].items():
        fields = Table(f"metadata: {escape(record)}", "")
        for key, value in entries.items():
            fields.add_row(escape(key), escape(shortened(value)))
        console.print(fields)
    for text in info["damage"]:
        console.print(f"[bold red]damage:[/] {escape(text)}")
    if info["lost"]:
        console.print(f"[bold red]damage:[/] {info['lost']} messages lost")
