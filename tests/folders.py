"""A tiny made-up data folder with every part of the format, to judge by (`val`) and to train on (`train`)."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

SIZE = (96, 64)
GREY = np.full((*SIZE[::-1], 3), 90, np.uint8)
LINE = {"kind": "double", "points": [[20, 63], [40, 20]]}
LINES = [
    {"img": "road/city/images/r.png", "split": "val", "lines": [LINE]},
    {"img": "road/city/images/s.png", "split": "val", "lines": []},
]


def _boxes(img: str, split: str, labelled: list[str], *boxes: list) -> dict:
    return {"img": img, "split": split, "w": 96, "h": 64, "labelled": labelled, "boxes": list(boxes)}


VAL = [
    _boxes(
        "town/images/a.png",
        "val",
        ["vehicle", "traffic_sign"],
        [10, 10, 40, 40, "vehicle", ""],
        [60, 5, 80, 25, "traffic_sign", 14],
    ),
    _boxes(
        "town/images/b.png",
        "val",
        ["vehicle"],
        [10, 10, 40, 40, "vehicle", "maybe_merged"],
        [50, 30, 90, 60, "vehicle", "car"],
    ),
]
TRAIN = [
    _boxes(
        "camvid/images/c2.png",
        "train",
        ["vehicle", "person", "cyclist"],
        [40, 40, 60, 60, "vehicle", ""],
        [70, 30, 90, 60, "person", "maybe_merged"],
    ),
    _boxes(
        "gtsdb/images/g.png",
        "train",
        ["traffic_sign"],
        [20, 10, 40, 30, "traffic_sign", 14],
        [60, 10, 72, 22, "traffic_sign", -1],
    ),
    _boxes(
        "carla/images/k.png",
        "train",
        ["vehicle", "motorcyclist"],
        [8, 8, 30, 40, "motorcyclist", ""],
    ),
    _boxes(
        "streets_id/images/t.png",
        "train",
        ["vehicle", "person"],
        [8, 8, 60, 60, "vehicle", "bus"],
        [70, 8, 90, 60, "motorbike", "ridden"],
    ),
]
PANELS = [  # of acdc_panels, by night and in snow
    _boxes(
        "acdc_panels/images/n.png",
        "val",
        ["vehicle", "person"],
        [10, 10, 40, 40, "vehicle", ""],
        [50, 30, 90, 60, "vehicle", "tram_ignore"],
    ),
    _boxes("acdc_panels/images/w.png", "val", ["vehicle", "person"], [60, 34, 90, 60, "vehicle", ""]),
]
CLIPS = {
    name: [
        {"img": f"clips/images/{img}", "split": "train", "w": 96, "h": 64, "complete": False, "lines": [LINE]}
    ]
    for name, img in (("night", "night_1.png"), ("rain", "rainy_1.png"))
}
BRAZIL = [
    {
        "img": "brazil_lanes/images/y.png",
        "split": "train",
        "w": 96,
        "h": 64,
        "lines": [
            {"points": [[62, 63], [62, 10]], "kind": "solid", "snapped": True},
            {"points": [[30, 63], [30, 10]], "kind": "solid", "snapped": False},
        ],
    }
]
TABLES = {
    "camvid.csv": "name,sequence,split,lane_label\nc1,s,val,1\nc2,s,train,1\nc3,s,train,\n",
    "idd.csv": "name,split\ni1,val\ni2,train\n",
    "road.csv": "img,mask,split\n"
    "road/city/images/r.png,road/city/masks/r.png,val\n"
    "road/roadseg_ru/images/u.png,road/roadseg_ru/masks/u.png,train\n"
    "road/lums/images/l.png,road/lums/masks/l.png,train\n",
    "acdc_panels/acdc.csv": "img,split,drive,condition\n"
    "acdc_panels/images/n.png,val,1,night\nacdc_panels/images/w.png,val,2,snow\n",
    "brazil_lanes/brazil.csv": "img,split,drive\nbrazil_lanes/images/z.png,val,1\n"
    "brazil_lanes/images/y.png,train,2\n",
    "clips/clips.csv": "img,split,drive,condition\n"
    "clips/images/night_1.png,train,night,night\nclips/images/rainy_1.png,train,rainy,rain\n"
    "clips/images/reflect1_1.png,train,reflect1,day_bonnet_reflections\n",
    "roadscene/roadscene.csv": "img,split,block,time\nroadscene/images/o.png,train,0,night\n",
    "signs.csv": "path,split,class,x1,y1,x2,y2\n"
    "signs/1.png,val,14,4,4,28,28\n"
    "signs/2.png,val,13,4,4,28,28\n"
    "signs/3.png,train,14,4.0,4.0,28.0,28.0\n"
    "signs/4.png,train,14,4.0,4.0,28.0,28.0\n"
    "signs/5.png,train,33,4.0,4.0,28.0,28.0\n",
}
WEAK = {  # image -> boxes of a teacher: x1, y1, x2, y2, class, extra, score
    "idd/images/i2.png": [
        [40, 40, 60, 60, "vehicle", "car", 0.9],  # the mask agrees
        [10, 8, 20, 24, "person", "", 0.8],  # it does not
        [70, 10, 80, 20, "traffic_light", "", 0.7],  # it has no say
    ],
    "gtsdb/images/g.png": [
        [40, 40, 60, 60, "vehicle", "car", 0.5],
        [62, 40, 70, 60, "person", "", 0.49],
        [72, 40, 80, 60, "person", "", 0.24],
        [82, 40, 90, 60, "bicycle", "", 0.9],
    ],
    "camvid/images/c2.png": [
        [10, 40, 30, 60, "vehicle", "car", 0.9],  # people know better
        [80, 4, 86, 12, "traffic_light", "", 0.9],
    ],
    "road/roadseg_ru/images/u.png": [[40, 40, 60, 60, "vehicle", "car", 0.9]],
    "roadscene/images/o.png": [
        [40, 40, 60, 60, "vehicle", "car", 0.9],
        [10, 4, 14, 12, "traffic_light", "", 0.9],  # a lamp, perhaps
    ],
}
# pictures with a teacher's maps, by data set
TAUGHT = {
    "camvid": ("c2", "c3"),
    "gtsdb": ("g",),
    "idd": ("i2",),
    "roadseg_ru": ("u",),
    "roadscene": ("o",),
    "clips": ("night_1", "rainy_1", "reflect1_1"),
}


def write_folder(path: Path) -> Path:
    """Everything; camvid's c1 is drivable in its lower half and void at the left edge."""
    _judged(path)
    _at_night_and_on_bad_roads(path)
    _trained_on(path)
    (path / "det.jsonl").write_text("".join(json.dumps(row) + "\n" for row in VAL + TRAIN))
    (path / "lanes_drawn.json").write_text(json.dumps(LINES))
    weak = [{"img": name, "w": 96, "h": 64, "boxes": boxes} for name, boxes in WEAK.items()]
    (path / "weak_boxes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in weak))
    for name, text in TABLES.items():
        (path / name).write_text(text)
    return path


def picture(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.asarray(pixels, np.uint8))


def _judged(path: Path) -> None:
    pictures = [row["img"] for row in (*VAL, *LINES)]
    pictures += ["camvid/images/c1.png", "idd/images/i1.png", "signs/1.png", "signs/2.png"]
    for name in pictures:
        picture(path / name, GREY)
    camvid = np.where(np.arange(64)[:, None] < 32, 0, 3) * np.ones((1, 96))
    camvid[:, :5] = 11
    picture(path / "camvid/masks/c1.png", camvid)
    picture(path / "idd/masks/i1.png", np.where(camvid == 3, 0, 6))
    picture(path / "road/city/masks/r.png", camvid == 3)
    paint = np.zeros((64, 96))
    paint[30:60, 50:53] = 1
    picture(path / "camvid/lanes/c1.png", paint)


def _at_night_and_on_bad_roads(path: Path) -> None:
    """Of acdc_panels the lower half is road, void at the left edge; brazil has one line upright."""
    names = [row["img"] for rows in (PANELS, *CLIPS.values()) for row in rows]
    stills = [f"brazil_lanes/images/{name}.png" for name in "zy"]
    for name in (*names, *stills, "clips/images/reflect1_1.png", "roadscene/images/o.png"):
        picture(path / name, GREY)
    road = np.where(np.arange(64)[:, None] < 32, 10, 0) * np.ones((1, 96))
    road[:, :5] = 255
    for name in ("n", "w"):
        picture(path / f"acdc_panels/masks/{name}.png", road)
    line = np.zeros((64, 96))
    line[:, :20] = 255
    line[:, 60:64] = 1
    for name in "zy":
        picture(path / f"brazil_lanes/lanes/{name}.png", line)
    (path / "brazil_lanes/lanes.json").write_text(json.dumps(BRAZIL))
    (path / "acdc_panels/det.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PANELS))
    for name, rows in CLIPS.items():
        (path / f"clips/{name}_lanes.json").write_text(json.dumps(rows))


def _trained_on(path: Path) -> None:
    scene = np.random.default_rng(0).integers(60, 120, GREY.shape).astype(np.uint8)
    scene[32:, 46:50] = 250  # a white stripe
    roads = [f"road/{name}.png" for name in ("roadseg_ru/images/u", "lums/images/l")]
    for name in [row["img"] for row in TRAIN] + ["camvid/images/c3.png", "idd/images/i2.png", *roads]:
        picture(path / name, scene)
    for name in ("signs/3.png", "signs/4.png", "signs/5.png"):
        picture(path / name, scene[:32, :32])
    _training_masks(path)
    line = np.zeros((32, 48))
    line[16:, 22:26] = 32  # a probability of 1
    area = np.zeros((32, 48))
    area[20:] = 32
    for name, stems in TAUGHT.items():
        for stem in stems:
            picture(path / f"weak/{name}/{stem}.lanes.png", line)
            picture(path / f"weak/{name}/{stem}.drivable.png", area)


def _training_masks(path: Path) -> None:
    """Road in the lower half; camvid with void and a sign; idd with a car, a person and void."""
    road = np.where(np.arange(64)[:, None] < 32, 0, 3) * np.ones((1, 96))
    road[:, :5] = 11
    road[10:16, 50:56] = 6
    picture(path / "camvid/masks/c2.png", road)
    picture(path / "camvid/masks/c3.png", road)
    idd = np.where(road == 3, 0, 6)
    idd[:, :5] = 255
    idd[40:60, 40:60] = 3
    idd[40:52, 70:78] = 2
    picture(path / "idd/masks/i2.png", idd)
    for name in ("roadseg_ru/masks/u", "lums/masks/l"):
        picture(path / f"road/{name}.png", road == 3)
    paint = np.zeros((64, 96))
    paint[40:60, 46:50] = 1
    paint[40:60, 80:84] = 2
    paint[:4] = 255
    picture(path / "camvid/lanes/c2.png", paint)
