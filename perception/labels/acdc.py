"""`acdc_panels/`: a Swiss city at night, in snow, rain and fog (Sakaridis et al. 2021), masks and boxes.

The masks hold Cityscapes' train ids; the boxes were made of them. A tram is no vehicle of ours and none that
a found vehicle is false on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from perception.labels import boxes
from perception.labels.boxes import UNSURE, BoxLabels
from perception.labels.masks import MaskLabels, Values
from perception.labels.rows import csv_rows

SET, FOLDER = "acdc", "acdc_panels"
ROAD = Values((0,), tuple(range(1, 19)), (255,))
TRAM = "tram_ignore"
NIGHT, DAY = "night", "day"


def read(root: Path) -> Iterator[tuple[str, str, str, Any]]:
    """(field of a sample, image, split, label) of every picture. Raises DataError."""
    path = root / FOLDER / "acdc.csv"
    if not path.exists():
        return
    for _, row in csv_rows(path, ("img", "split", "condition")):
        mask = root / FOLDER / "masks" / f"{PurePosixPath(row['img']).stem}.png"
        yield "mask", row["img"], row["split"], MaskLabels(SET, mask, ROAD)
        yield "condition", row["img"], row["split"], NIGHT if row["condition"] == NIGHT else DAY
    for image, split, labels in boxes.read(root / FOLDER):
        yield "boxes", image, split, _judged(labels)


def _judged(labels: BoxLabels) -> BoxLabels:
    found = tuple(replace(box, extra=UNSURE) if box.extra == TRAM else box for box in labels.boxes)
    return replace(labels, set=SET, boxes=found)
