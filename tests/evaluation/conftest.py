"""A tiny made-up data folder, and a pipeline that knows the truth."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from perception.evaluation import data
from perception.tasks.detection import CLASSES
from perception.tasks.lanes import CLASSES as LANE_KINDS
from perception.types import ClassMap, Detections, Scene, Signs

SIZE = (96, 64)
BOXES = [
    {
        "img": "town/images/a.png",
        "split": "val",
        "w": 96,
        "h": 64,
        "labelled": ["vehicle", "traffic_sign"],
        "boxes": [[10, 10, 40, 40, "vehicle", ""], [60, 5, 80, 25, "traffic_sign", 14]],
    },
    {
        "img": "town/images/b.png",
        "split": "val",
        "w": 96,
        "h": 64,
        "labelled": ["vehicle"],
        "boxes": [[10, 10, 40, 40, "vehicle", "maybe_merged"], [50, 30, 90, 60, "vehicle", "car"]],
    },
    {"img": "town/images/c.png", "split": "train", "w": 96, "h": 64, "labelled": ["vehicle"], "boxes": []},
]
LINE = {"kind": "double", "points": [[20, 63], [40, 20]]}
LINES = [
    {"img": "road/city/images/r.png", "split": "val", "lines": [LINE]},
    {"img": "road/city/images/s.png", "split": "val", "lines": []},
]
TABLES = {
    "camvid.csv": "name,split\nc1,val\nc2,train\n",
    "idd.csv": "name,split\ni1,val\n",
    "road.csv": "img,mask,split\nroad/city/images/r.png,road/city/masks/r.png,val\n",
    "signs.csv": "path,split,class,x1,y1,x2,y2\nsigns/1.png,val,14,4,4,28,28\nsigns/2.png,val,13,4,4,28,28\n",
}


@pytest.fixture
def folder(tmp_path):
    """Every part of the format; camvid's c1 is drivable in its lower half and void at the left edge."""
    pictures = [row["img"] for row in (*BOXES, *LINES)]
    pictures += ["camvid/images/c1.png", "idd/images/i1.png", "signs/1.png", "signs/2.png"]
    for name in pictures:
        picture(tmp_path / name, np.full((*SIZE[::-1], 3), 90, np.uint8))
    camvid = np.where(np.arange(64)[:, None] < 32, 0, 3) * np.ones((1, 96))
    camvid[:, :5] = 11
    picture(tmp_path / "camvid/masks/c1.png", camvid)
    picture(tmp_path / "idd/masks/i1.png", np.where(camvid == 3, 0, 6))
    picture(tmp_path / "road/city/masks/r.png", camvid == 3)
    paint = np.zeros((64, 96))
    paint[30:60, 50:53] = 1
    picture(tmp_path / "camvid/lanes/c1.png", paint)
    (tmp_path / "det.jsonl").write_text("".join(json.dumps(row) + "\n" for row in BOXES))
    (tmp_path / "lanes_drawn.json").write_text(json.dumps(LINES))
    for name, text in TABLES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def picture(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.asarray(pixels, np.uint8))


@pytest.fixture
def oracle():
    """`oracle(dataset)`: a pipeline that answers with the labels of whatever picture it is shown."""
    return Oracle


class Oracle:
    def __init__(self, dataset):
        self.samples = {str(sample.image): sample for sample in dataset.samples}

    def __call__(self, frame):
        sample = self.samples[frame.source]
        scene = Scene(frame.seq, 0, frame.size, nothing(), no_signs(), (), flat(frame.size))
        if sample.boxes:
            true = sample.boxes.detections(CLASSES, frame.size)
            scene = replace(scene, detections=true[true.score > 0], signs=sample.boxes.signs(43))
        if sample.mask:
            scene = replace(scene, drivable=sample.mask.drivable())
        return replace(scene, lanes=sample.lines) if sample.lines else scene


class Blind:
    """Every task runs and sees nothing."""

    def __call__(self, frame):
        return Scene(frame.seq, 0, frame.size, nothing(), no_signs(), (), flat(frame.size))


@pytest.fixture
def blind():
    return Blind()


@pytest.fixture
def val(folder):
    return data.read(folder, "val", LANE_KINDS)


def nothing():
    return Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))


def no_signs():
    return Signs(np.empty((0, 4), np.float32), np.empty(0, np.int32), np.empty(0, np.float32))


def flat(size):
    return ClassMap(np.zeros(size[::-1], np.uint8), size)
