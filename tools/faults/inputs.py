"""The small files that are damaged, and who reads them. `KINDS` is the table."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from perception import bundle
from perception.camera import CameraModel
from perception.drives.info import drive_info
from perception.labels import open_labelled
from perception.sources import open_source
from perception.sources.images import read_image
from tests.folders import write_folder
from tests.sources.bags import CAMERA, drive_of, jpeg, raw, write_db3, write_mcap, write_ros1
from tests.sources.clips import numbered, picture
from tests.sources.test_drive_damage import small_chunks
from tools.faults.mutants import BYTES, TEXT, Change

Read = Callable[[], object]


@dataclass(frozen=True)
class Input:
    """A file to damage in its place, and what reads it there."""

    path: Path
    read: Read
    changes: Sequence[Change] = BYTES
    sealed: bool = False  # no change may be accepted


def images(folder: Path) -> Iterator[Input]:
    wide = picture(5).astype(np.uint16) * 257
    for name in ("a.jpg", "a.png", "a.bmp", "a.webp", "a.tif", "a.ppm"):
        cv2.imwrite(str(folder / name), picture(5))
    cv2.imwrite(str(folder / "b.png"), wide)
    cv2.imwrite(str(folder / "b.tif"), wide)
    cv2.imwrite(str(folder / "c.png"), picture(5)[..., 0])
    for path in sorted(folder.iterdir()):
        yield Input(path, partial(read_image, path))


def videos(folder: Path) -> Iterator[Input]:
    numbered(folder / "fast.mp4", movflags="faststart")
    for kind in ("mp4", "mkv", "ts", "avi", "flv", "webm"):
        numbered(folder / f"a.{kind}") if kind != "webm" else shutil.copy(folder / "a.mkv", folder / "a.webm")
    for path in sorted(folder.iterdir()):
        yield Input(path, partial(_seen, str(path)))


def bags(folder: Path) -> Iterator[Input]:
    small_chunks(folder / "chunks.mcap", 8, 30_000)
    write = {"a": write_mcap, "b": write_db3, "c": write_ros1}
    for name, function in write.items():
        function(folder / name, drive_of(4))
    write_mcap(folder / "jpeg", drive_of(4, jpeg))
    shutil.copy(next((folder / "a").glob("*.mcap")), folder / "open.mcap.part")
    write_mcap(folder / "raw", [raw(k) for k in range(3)])
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole = path if path.parent == folder else path.parent  # the folder of a bag
        changes = TEXT if path.suffix == ".yaml" else BYTES
        yield Input(path, partial(_bag, whole), changes)


def labels(folder: Path) -> Iterator[Input]:
    data = write_folder(folder / "data")
    for name in ("det.jsonl", "lanes_drawn.json", "signs.csv", "camvid.csv", "idd.csv", "road.csv"):
        yield _labels(data / name, data)
    rows = [{"id": 0, "image_id": 1, "category_id": 3, "bbox": [10, 10, 20, 15], "area": 150.0, "iscrowd": 0}]
    images = [{"id": 1, "file_name": "1.jpg", "width": 96, "height": 64}]
    coco = {"images": images, "annotations": rows, "categories": [{"id": 3, "name": "car"}]}
    _write(folder / "coco/annotations/instances_val2017.json", coco)
    _picture(folder / "coco/val2017/1.jpg")
    yield _labels(folder / "coco/annotations/instances_val2017.json", folder / "coco")
    row = {"raw_file": "20.jpg", "lanes": [[-2, 20, 18, 16], [40, 41, 42, -2]], "h_samples": [16, 24, 32, 40]}
    _write(folder / "tusimple/test_label.json", row)
    _picture(folder / "tusimple/20.jpg")
    yield _labels(folder / "tusimple/test_label.json", folder / "tusimple")
    yield from _culane(folder / "culane")
    yield from _bdd(folder / "bdd")
    yield from _stamps(folder / "stamped")
    CAMERA.save(folder / "camera.json")
    yield Input(folder / "camera.json", lambda: CameraModel.load(folder / "camera.json"), TEXT)


def bundles(folder: Path) -> Iterator[Input]:
    """The shipped description, with networks of one byte."""
    spec = bundle.read(bundle.SHIPPED)
    for files in spec.files.values():
        for file in files.values():
            (folder / file).write_bytes(b"x")
    (folder / bundle.LEDGER).write_text("x")
    bundle.write(folder, replace(spec, sha256={}))
    yield Input(folder / bundle.MODEL, lambda: bundle.read(folder), TEXT, sealed=True)


KINDS: dict[str, Callable[[Path], Iterator[Input]]] = {
    "images": images,
    "videos": videos,
    "bags": bags,
    "labels": labels,
    "bundles": bundles,
}


def _bag(path: Path) -> None:
    drive_info(path)
    _seen(str(path))


def _seen(text: str) -> int:
    return sum(1 for _ in open_source(text))


def _labels(path: Path, folder: Path) -> Input:
    def read() -> None:
        for labelled in open_labelled(str(folder)):
            list(labelled)

    return Input(path, read, TEXT)


def _culane(folder: Path) -> Iterator[Input]:
    _picture(folder / "a/0.jpg")
    (folder / "list").mkdir()
    (folder / "list/test.txt").write_text("/a/0.jpg\n")
    (folder / "a/0.lines.txt").write_text("30.5 58.5 60.5 20.5\n10 60 20 40 25.5 30\n")
    yield _labels(folder / "a/0.lines.txt", folder)
    yield _labels(folder / "list/test.txt", folder)


def _bdd(folder: Path) -> Iterator[Input]:
    _picture(folder / "images/100k/val/a.jpg")
    box = {"category": "car", "attributes": {}, "box2d": {"x1": 10, "y1": 10, "x2": 40, "y2": 30.5}}
    curve = {"vertices": [[40, 30], [30, 60], [20, 62]], "types": "LCC", "closed": False}
    lane = {"category": "single white", "attributes": {"laneStyle": "dashed", "laneDirection": "parallel"}}
    found = {"det_20/det": [box], "lane/polygons/lane": [{**lane, "poly2d": [curve]}]}
    for name, rows in found.items():
        path = folder / f"labels/{name}_val.json"
        _write(path, [{"name": "a.jpg", "attributes": {"weather": "rainy"}, "labels": rows}])
        yield _labels(path, folder)


def _stamps(folder: Path) -> Iterator[Input]:
    for k in range(3):
        _picture(folder / f"{k}.png")
    path = folder / "timestamps.csv"
    path.write_text("name,stamp\n0.png,1700000000.000000001\n1.png,1700000000.5\n2.png,1700000001000000000\n")
    yield Input(path, lambda: _seen(str(folder)), TEXT)


def _write(path: Path, found: object) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(found))


def _picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture(1))
