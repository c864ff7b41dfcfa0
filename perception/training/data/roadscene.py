"""RoadScene (Xu et al. 2020): streets of one town by day, at dusk and by night; all truth from teachers."""

from __future__ import annotations

from pathlib import Path

from perception.training.data import records
from perception.training.data.maps import drivable_from_teacher, lanes_from_teacher
from perception.training.data.sample import Sample


def read(data: Path) -> list[Sample]:
    rows = [row for row in records.table(data / "roadscene/roadscene.csv") if row["split"] == "train"]
    return [_sample(data, row["img"], row["time"]) for row in rows]


def _sample(data: Path, name: str, time: str) -> Sample:
    image, stem = records.read_image(data / name), Path(name).stem
    taught, silence = records.weak(data, name, unsure=() if time == "day" else ("traffic_light",))
    return Sample(
        name=name,
        image=image,
        boxes=taught,
        negative_weight=silence,
        drivable=drivable_from_teacher(data, "roadscene", stem),
        **lanes_from_teacher(data, "roadscene", stem, image),
    )
