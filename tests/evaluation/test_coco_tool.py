"""Average precision of real boxes, read as COCO: the same as COCO's own tool says."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from perception.labels import boxes, open_labelled
from perception.tasks.detection.metric import AveragePrecision
from perception.types import Detections, Scene

NAMES = ("vehicle", "person", "cyclist")
pytestmark = pytest.mark.data


@pytest.fixture
def camvid(driving_data, tmp_path):
    """The boxes of CamVid's val pictures in COCO's form, and what might be found: moved copies of them."""
    rng, found = np.random.default_rng(0), []
    categories = [{"id": k, "name": name} for k, name in enumerate(NAMES)]
    table = {"images": [], "annotations": [], "categories": categories}
    said = [(img, own) for img, split, own in boxes.read(driving_data, name="camvid") if split == "val"]
    for number, (image, own) in enumerate(said[:40]):
        width, height = own.size
        name = Path(image).name
        cv2.imwrite(str(tmp_path / name), np.zeros((height, width, 3), np.uint8))
        table["images"].append({"id": number, "file_name": name, "width": width, "height": height})
        for box in (b for b in own.boxes if b.name in NAMES):
            x1, y1, x2, y2 = box.xyxy
            corner_and_size = [x1, y1, x2 - x1, y2 - y1]
            row = {"image_id": number, "category_id": NAMES.index(box.name), "bbox": corner_and_size}
            crowd = int(box.extra == boxes.UNSURE)
            area, key = (x2 - x1) * (y2 - y1), len(table["annotations"]) + 1
            table["annotations"].append({**row, "id": key, "area": area, "iscrowd": crowd})
            moved = np.float32(corner_and_size) + rng.normal(0, 2, 4).astype(np.float32)
            moved[2:] = moved[2:].clip(1)
            found.append({**row, "bbox": moved.tolist(), "score": float(np.float32(rng.uniform(0.1, 1)))})
    (tmp_path / "labels.json").write_text(json.dumps(table))
    return tmp_path / "labels.json", found


def tool(path, found):
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO(str(path))
        judged = COCOeval(known, known.loadRes(found), "bbox")
        for step in (judged.evaluate, judged.accumulate, judged.summarize):
            step()
    return judged.stats[:2]


def test_average_precision_of_camvid_is_that_of_pycocotools(camvid):
    path, found = camvid
    metric = AveragePrecision(NAMES)
    for number, (frame, truth) in enumerate(open_labelled(f"coco:{path}")[0]):
        rows = [row for row in found if row["image_id"] == number]
        corners = np.float32([row["bbox"] for row in rows]).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        score, ids = (np.array([row[key] for row in rows]) for key in ("score", "category_id"))
        seen = Detections(corners, score.astype(np.float32), ids.astype(np.int32))
        true = truth.boxes.detections(NAMES, frame.size)
        areas = truth.boxes.areas(NAMES)
        metric.update(*(Scene(0, 0, frame.size, detections=d) for d in (true, seen)), areas)
    got = metric.result()
    assert len(found) > 100
    assert [got["coco_ap"], got["ap50"]] == pytest.approx(tool(path, found), abs=1e-6)
