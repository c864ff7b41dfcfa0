"""`clips/`: frames of drives. Lane lines at night and in rain, and drives in which the own vehicle is seen.

The own vehicle is judged in every frame of its drive, whatever the split: no drive of `val` shows one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from perception.labels import lines
from perception.labels.own_vehicle import EDGES
from perception.labels.rows import csv_rows

FOLDER = "clips"
LINES = {"night": "night_lanes.json", "rain": "rain_lanes.json"}  # set -> file
EVERY = "every"  # split of what is judged whatever the split


def read(root: Path, kinds: Sequence[str]) -> Iterator[tuple[str, str, str, Any]]:
    """(field of a sample, image, split, label). Raises DataError."""
    for name, file in LINES.items():
        for image, split, found in lines.read(root / FOLDER, kinds, file):
            yield "lines", image, split, found
            yield "partly", image, split, name
    path = root / FOLDER / "clips.csv"
    if path.exists():
        for _, row in csv_rows(path, ("img", "drive")):
            if row["drive"] in EDGES:
                yield "own", row["img"], EVERY, row["drive"]
