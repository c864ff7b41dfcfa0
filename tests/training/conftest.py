"""Small data sets of one's own, with classes of one's own."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from tests.batches import smooth

SIZE = (64, 48)
CATEGORIES = ("forklift", "pallet")


def write_pictures(folder, count, seed):
    folder.mkdir(parents=True)
    for k, image in enumerate(smooth(count, SIZE, seed)):
        cv2.imwrite(str(folder / f"p{k:02d}.png"), image)
    return [f"p{k:02d}.png" for k in range(count)]


@pytest.fixture
def mine(tmp_path):
    """Twelve pictures with COCO boxes of forklifts and pallets."""
    names = write_pictures(tmp_path / "mine/images", 12, 1)
    ids = range(1, 13)
    size = {"width": SIZE[0], "height": SIZE[1]}
    table = {
        "images": [{"id": k, "file_name": n, **size} for k, n in zip(ids, names, strict=True)],
        "categories": [{"id": k, "name": n} for k, n in enumerate(CATEGORIES)],
        "annotations": [{"id": k, "image_id": k, "category_id": k % 2, "bbox": [5, 5, 30, 30]} for k in ids],
    }
    (tmp_path / "mine/annotations").mkdir()
    (tmp_path / "mine/annotations/instances_default.json").write_text(json.dumps(table))
    return tmp_path / "mine"


@pytest.fixture
def yard(tmp_path):
    """Three pictures in YOLO's layout, of forklifts and people."""
    for name in write_pictures(tmp_path / "yard/images/train", 3, 2):
        label = (tmp_path / "yard/labels/train" / name).with_suffix(".txt")
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("0 0.5 0.5 0.4 0.4\n1 0.2 0.5 0.1 0.4\n")
    (tmp_path / "yard/data.yaml").write_text("path: .\ntrain: images/train\nnames: [forklift, person]\n")
    return tmp_path / "yard"


@pytest.fixture
def roads(tmp_path):
    """Three pictures with masks of the drivable area."""
    names = write_pictures(tmp_path / "roads/images", 3, 3)
    (tmp_path / "roads/masks").mkdir()
    for name in names:
        cv2.imwrite(str(tmp_path / "roads/masks" / name), np.uint8([[0], [1]]).repeat(24, 0).repeat(64, 1))
    return tmp_path / "roads"
