"""CamVid (Brostow et al. 2009): human masks, boxes from their components, machine-made lane paint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from perception.labels.boxes import BoxLabels
from perception.tasks.batch import ANY_SIGN, CERTAIN, UNKNOWN
from perception.training.data import records
from perception.training.data.maps import from_mask, lanes_from_teacher, road_edge
from perception.training.data.sample import Boxes, Sample

ROAD, SIGN, VOID = 3, 6, 11
MOVING = (8, 9, 10, VOID)  # cars, pedestrians, cyclists; and what may be anything
LANE, OTHER_PAINT = 1, 2
SURE, BEYOND = {"vehicle": 1.0, "person": 1.0, "cyclist": 1.0}, {"traffic_sign": 0.5}
MASKED = BoxLabels("camvid", frozenset(SURE), (), (0, 0))  # of a frame without boxes: its mask has none, too


def read(data: Path) -> list[Sample]:
    people = records.labelled(data, "camvid")
    rows = [row for row in records.table(data / "camvid.csv") if row["split"] == "train"]
    return [_sample(data, row, people) for row in rows]


def _sample(data: Path, row: dict[str, str], people: Mapping[str, BoxLabels]) -> Sample:
    name = row["name"]
    path = next((data / "camvid/images").glob(f"{name}.*"))
    image = records.read_image(path)
    mask = records.read_image(data / f"camvid/masks/{name}.png", cv2.IMREAD_GRAYSCALE)
    weak, silence = records.weak(data, f"camvid/images/{path.name}", ("motorbike", "traffic_light"))
    said = people.get(f"camvid/images/{path.name}", MASKED)
    known = records.boxes_of(said) + weak + _signs(mask)
    edge, border = road_edge(mask == ROAD, ~np.isin(mask, (ROAD, *MOVING)))
    lanes = lanes_from_teacher(data, "camvid", name, image, border)
    if row["lane_label"]:
        lanes["paint"] = _paint(data, row)
    return Sample(
        name=f"camvid/images/{path.name}",
        image=image,
        boxes=known,
        negative_weight=np.maximum(silence, records.silence(said, SURE, BEYOND)),
        drivable=from_mask(mask, ROAD, VOID),
        edge=edge,
        **lanes,
    )


def _signs(mask: np.ndarray) -> Boxes:
    """The sign mask also holds traffic lights and posters: nothing is learnt about signs there."""
    count, _, stats, _ = cv2.connectedComponentsWithStats((mask == SIGN).astype(np.uint8), connectivity=8)
    corners = [(x - 3, y - 3, x + w + 3, y + h + 3) for x, y, w, h, _ in stats[1:count]]
    return Boxes.of((list(map(float, box)), "traffic_sign", False, ANY_SIGN) for box in corners)


def _paint(data: Path, row: dict[str, str]) -> np.ndarray:
    """The labels are precise but miss paint, so beside what they have, absence is only likely."""
    labels = records.read_image(data / f"camvid/lanes/{row['name']}.png", cv2.IMREAD_GRAYSCALE)
    paint = np.zeros(labels.shape, np.uint8)
    paint[labels == LANE] = CERTAIN
    paint[(labels == OTHER_PAINT) | (labels == 255)] = UNKNOWN
    return paint
