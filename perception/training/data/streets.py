"""Street pictures from Indonesia: human boxes of vehicles, people and motorbikes."""

from __future__ import annotations

from pathlib import Path

from perception.training.data import records
from perception.training.data.sample import Sample

SURE = {"vehicle": 1.0, "person": 1.0}  # bicycles are not labelled
BEYOND = {"motorbike": 0.5}


def read(data: Path) -> list[Sample]:
    return records.boxed(data, "streets_id", SURE, BEYOND)
