"""GTSDB (Houben et al. 2013): human sign boxes with their class; the rest from teachers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from perception.training.data import records
from perception.training.data.maps import drivable_from_teacher, lanes_from_teacher
from perception.training.data.sample import Sample

SURE = {"traffic_sign": 1.0}


def read(data: Path, teachers: Sequence[records.Teacher] = records.TEACHERS) -> list[Sample]:
    samples = []
    for name, said in records.labelled(data, "gtsdb").items():
        image = records.read_image(data / name)
        taught, silence = records.weak(data, name, teachers=teachers)
        samples.append(
            Sample(
                name=name,
                image=image,
                boxes=records.boxes_of(said) + taught,
                negative_weight=np.maximum(silence, records.silence(said, SURE, {})),
                drivable=drivable_from_teacher(data, "gtsdb", Path(name).stem),
                **lanes_from_teacher(data, "gtsdb", Path(name).stem, image),
            )
        )
    return samples
