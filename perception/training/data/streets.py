"""Street pictures from Indonesia: human boxes of vehicles, people and motorbikes."""

from __future__ import annotations

from pathlib import Path

from perception.training.data import records
from perception.training.data.sample import Sample, absence

SURE = absence(vehicle=1, person=1, motorbike=0.5)  # bicycles are not labelled


def read(data: Path) -> list[Sample]:
    found = records.human(data, "streets_id")
    return [Sample(records.read_image(data / name), boxes, SURE, name=name) for name, boxes in found.items()]
