"""Roads of Brazil seen steeply: lane lines, and surfaces whose cracks, patches and shadows are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from perception.tasks.batch import UNKNOWN
from perception.training.data import records
from perception.training.data.maps import drawn
from perception.training.data.sample import Sample

IGNORED = 255


def read(data: Path) -> list[Sample]:
    file = data / "brazil_lanes/lanes.json"
    found = json.loads(file.read_text()) if file.is_file() else []
    return [_sample(data, record) for record in found if record["split"] == "train"]


def _sample(data: Path, record: Any) -> Sample:
    path = (data / record["img"].replace("/images/", "/lanes/")).with_suffix(".png")
    mask = records.read_image(path, cv2.IMREAD_GRAYSCALE)
    size = mask.shape[1::-1]
    lines = [np.array(line["points"], np.float32) for line in record["lines"]]
    scale = np.divide(size, (record["w"], record["h"]))
    truth = drawn(size, [points * scale for points in lines])
    truth[mask == IGNORED] = UNKNOWN
    for line, points in zip(record["lines"], lines, strict=True):
        if not line.get("snapped", True):
            truth[drawn(size, [points * scale]) > 0] = UNKNOWN
    return Sample(name=record["img"], image=records.read_image(data / record["img"]), line=truth)
