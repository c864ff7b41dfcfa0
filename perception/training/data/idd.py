"""IDD-Lite (Varma et al. 2019): human masks of Indian roads, boxes from a teacher that the masks confirm."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from perception.tasks.batch import ANY_SIGN
from perception.tasks.detection import CLASSES
from perception.training.data import records
from perception.training.data.maps import from_mask, lanes_from_teacher, road_edge
from perception.training.data.sample import Boxes, Sample, negative_weights

DRIVABLE, LIVING, VEHICLE, VOID = 0, 2, 3, 255
FIXED = (1, 4)  # what is not drivable, things at the roadside
MASKED = {"vehicle": VEHICLE, "motorbike": VEHICLE, "cyclist": VEHICLE, "person": LIVING}
COVER = 0.4  # a teacher's box is believed when the mask covers at least this share of it


def read(data: Path) -> list[Sample]:
    return [_sample(data, row["name"]) for row in records.table(data / "idd.csv") if row["split"] == "train"]


def _sample(data: Path, name: str) -> Sample:
    path = next((data / "idd/images").glob(f"{name}.*"))
    image = records.read_image(path)
    mask = records.read_image(data / f"idd/masks/{name}.png", cv2.IMREAD_GRAYSCALE)
    taught, silence = records.weak(data, f"idd/images/{path.name}")
    confirmed = _confirmed(taught, mask)
    edge, border = road_edge(mask == DRIVABLE, np.isin(mask, FIXED))
    return Sample(
        name=f"idd/images/{path.name}",
        image=image,
        boxes=confirmed + _unexplained(mask, confirmed),
        negative_weight=np.maximum(silence, negative_weights(vehicle=1, person=1, cyclist=1, motorbike=1)),
        drivable=from_mask(mask, DRIVABLE, VOID),
        edge=edge,
        **lanes_from_teacher(data, "idd", name, image, border),
    )


def _confirmed(taught: Boxes, mask: np.ndarray) -> Boxes:
    """The teacher's boxes, of which only those stay sure that the mask of their class covers."""
    sure = taught.sure.copy()
    for i, (box, label) in enumerate(zip(taught.xyxy, taught.label, strict=True)):
        kind = MASKED.get(CLASSES[label])
        x1, y1, x2, y2 = np.round(box).astype(int)
        inside = mask[max(y1, 0) : y2, max(x1, 0) : x2]
        if kind is not None and inside.size:
            sure[i] &= bool((inside == kind).mean() >= COVER)
    return Boxes(taught.xyxy, taught.label, sure, taught.sign)


def _unexplained(mask: np.ndarray, boxes: Boxes) -> Boxes:
    """Masked things without a sure box: places where nothing is learnt about their classes."""
    rows: list[tuple[list[float], str, bool, int]] = []
    for kind in (VEHICLE, LIVING):
        left = (mask == kind).astype(np.uint8)
        for box, label in zip(boxes.xyxy[boxes.sure], boxes.label[boxes.sure], strict=True):
            if MASKED.get(CLASSES[label]) == kind:
                x1, y1, x2, y2 = np.round(box).astype(int)
                left[max(y1, 0) : y2, max(x1, 0) : x2] = 0
        stats = cv2.connectedComponentsWithStats(left, connectivity=8)[2][1:]
        names = [name for name, masked in MASKED.items() if masked == kind]
        for x, y, w, h, area in stats:
            if area >= 12:
                rows += [([x - 1, y - 1, x + w + 1, y + h + 1], name, False, ANY_SIGN) for name in names]
    return Boxes.of(rows)
