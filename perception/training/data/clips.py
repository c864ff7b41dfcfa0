"""Frames of drives by night, in rain and over a bonnet: lines of some are drawn, the rest is a teacher's."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from perception.labels import own_vehicle
from perception.training.data import records
from perception.training.data.maps import RIGHT, drivable_from_teacher, lanes_from_teacher, partly_drawn
from perception.training.data.sample import Sample

DARK = ("night",)


def read(
    data: Path,
    teachers: Sequence[records.Teacher] = records.TEACHERS,
    drives: Collection[str] | None = None,
) -> list[Sample]:
    """Of these drives; None: of all."""
    rows = [row for row in records.table(data / "clips/clips.csv") if row["split"] == "train"]
    return [_sample(data, row, teachers) for row in rows if drives is None or row["drive"] in drives]


@cache
def _drawings(data: Path) -> Mapping[str, Mapping[str, Any]]:
    files = [data / f"clips/{name}_lanes.json" for name in ("night", "rain")]
    return {
        record["img"]: record for file in files if file.is_file() for record in json.loads(file.read_text())
    }


def _sample(data: Path, row: Mapping[str, str], teachers: Sequence[records.Teacher]) -> Sample:
    name, stem = row["img"], Path(row["img"]).stem
    image = records.read_image(data / name)
    unsure = ("traffic_light",) if row["condition"] in DARK else ()
    taught, silence = records.weak(data, name, unsure=unsure, teachers=teachers)
    drivable, lanes = (
        drivable_from_teacher(data, "clips", stem),
        lanes_from_teacher(data, "clips", stem, image),
    )
    drawing = _drawings(data).get(name)
    if drawing is not None:
        lanes = _lines(drawing)
    edge = own_vehicle.EDGES.get(row["drive"])
    maps = {**lanes, **({} if drivable is None else {"drivable": drivable})}
    if edge is not None:
        for truth in maps.values():
            truth[own_vehicle.below(edge, truth.shape[::-1])] = 0
    return Sample(name=name, image=image, boxes=taught, negative_weight=silence, **maps)


def _lines(drawing: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """`line` as drawn; to the right of the right-hand line there may be more."""
    size = (int(drawing["w"]), int(drawing["h"]))
    lines = [np.array(line["points"], np.float32) for line in drawing["lines"]]
    return {"line": partly_drawn(size, lines, (RIGHT,))}
