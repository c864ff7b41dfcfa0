"""Rendered road scenes with exact truth for all tasks, each with a camera and a drive of its own.

Unlike the other data sets this one is made, not read: scenes are kept as files, so that a run that goes on
finds them again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from perception.synthetic import Rendered, World, random_camera
from perception.tasks.batch import ANY_SIGN, CERTAIN
from perception.tasks.detection import CLASSES
from perception.training.data.sample import Boxes, Sample, absence
from perception.types import Size

SIZE: Size = (640, 384)
LINE_WIDTH = 5  # pixels, about that of the teacher's lines at this size
EVERYTHING = absence(**dict.fromkeys(CLASSES, 1.0))


def read(folder: Path, count: int) -> list[Sample]:
    """The first `count` scenes; those that `folder` lacks are rendered into it first."""
    return [_load(path) for path in _paths(folder, count)]


def _paths(folder: Path, count: int) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        path = folder / f"{seed:05d}.npz"
        if not path.exists():
            partial = path.with_suffix(".partial")
            with partial.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **_arrays(render(seed)))
            os.replace(partial, path)
        yield path


def render(seed: int) -> Rendered:
    """The scene of a seed: seeded drive, camera and moment."""
    rng = np.random.default_rng((seed, 2))
    return World(seed, random_camera(rng, SIZE)).render(float(rng.uniform(0, 60)))


def _arrays(scene: Rendered) -> dict[str, np.ndarray]:
    found, signs, drivable = scene.truth.detections, scene.truth.signs, scene.truth.drivable
    assert found is not None
    assert signs is not None
    assert drivable is not None
    line = np.zeros(scene.paint.shape, np.uint8)
    for lane in scene.truth.lanes or ():
        cv2.polylines(line, [np.round(lane.image).astype(np.int32)], False, CERTAIN, LINE_WIDTH)
    return {
        "jpeg": cv2.imencode(".jpg", scene.frame.image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1],
        "xyxy": found.xyxy,
        "label": found.class_id,
        "sign": np.array([_meaning(box, signs.xyxy, signs.class_id) for box in found.xyxy], np.int64),
        "ignored": scene.ignored,
        "drivable": drivable.labels,
        "line": line,
        "paint": scene.paint.astype(np.uint8),
    }


def _meaning(box: np.ndarray, signs: np.ndarray, classes: np.ndarray) -> int:
    same = np.flatnonzero((np.abs(signs.reshape(-1, 4) - box) < 0.5).all(1))
    return int(classes[same[0]]) if len(same) else ANY_SIGN


def _load(path: Path) -> Sample:
    with np.load(path, allow_pickle=False) as stored:
        sure = len(stored["xyxy"])
        xyxy = np.concatenate([stored["xyxy"], *[stored["ignored"]] * len(CLASSES)]).astype(np.float32)
        rest = np.repeat(np.arange(len(CLASSES)), len(stored["ignored"]))  # hidden things, of whatever class
        return Sample(
            image=np.asarray(cv2.imdecode(stored["jpeg"], cv2.IMREAD_COLOR)),
            boxes=Boxes(
                xyxy,
                np.concatenate([stored["label"].astype(np.int64), rest]),
                np.arange(len(xyxy)) < sure,
                np.concatenate([stored["sign"], np.full(len(rest), ANY_SIGN)]),
            ),
            absence=EVERYTHING,
            drivable=stored["drivable"] * np.uint8(CERTAIN),
            line=stored["line"],
            paint=stored["paint"] * np.uint8(CERTAIN),
        )
