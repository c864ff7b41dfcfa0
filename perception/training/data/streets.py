"""Street pictures from Indonesia: human boxes of vehicles, people and motorbikes."""

from __future__ import annotations

from pathlib import Path

from perception.training.data import records
from perception.training.data.sample import Sample

SURE = {"vehicle": 1.0, "person": 1.0}  # bicycles are not labelled
BEYOND = {"motorbike": 0.5}


def read(data: Path) -> list[Sample]:
    return [
        Sample(
            records.read_image(data / name),
            records.boxes_of(said),
            records.silence(said, SURE, BEYOND),
            name=name,
        )
        for name, said in records.labelled(data, "streets_id").items()
    ]
