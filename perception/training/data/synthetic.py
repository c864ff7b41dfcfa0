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

from perception.synthetic import Conditions, Rendered, World, default_camera, random_camera
from perception.synthetic.layout import ROAD_EDGE
from perception.tasks.batch import ANY_SIGN, CERTAIN
from perception.tasks.detection import CLASSES
from perception.training.data.sample import Boxes, Sample, negative_weights
from perception.types import Size

# cameras' sizes and their shares; shrinking them by SHRINK is part of what the network must cope with
SIZES: dict[Size, float] = {(1280, 720): 0.66, (1248, 376): 0.14, (960, 720): 0.12, (720, 1280): 0.08}
SHRINK = 2
LINE_WIDTH = 5  # pixels of a shrunk picture, about that of the teacher's lines
CROWDS = {1.0: 0.45, 3.0: 0.4, 8.0: 0.15}  # times as many people and two-wheelers: they are rare otherwise
VERSION = 3  # of the renderer: scenes of another one are not found again
OWN_CAMERA = 0.6  # share of scenes with a camera of their own; the others have the default one
EVERYTHING = negative_weights(**dict.fromkeys(CLASSES, 1.0))


def read(folder: Path, count: int) -> list[Sample]:
    """The first `count` scenes; those that `folder` lacks are rendered into it first."""
    return [_load(path) for path in _paths(folder, count)]


def _paths(folder: Path, count: int) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        path = folder / f"{seed:05d}.v{VERSION}.npz"
        if not path.exists():
            partial = path.with_suffix(f".{os.getpid()}.partial")  # two runs may share the folder
            with partial.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **_arrays(render(seed)))
            os.replace(partial, path)
        yield path


def render(seed: int) -> Rendered:
    """The scene of a seed: seeded drive, conditions, camera and moment."""
    rng = np.random.default_rng((seed, 2))
    size = list(SIZES)[int(rng.choice(len(SIZES), p=list(SIZES.values())))]
    own = rng.random() < OWN_CAMERA or size != (1280, 720)
    camera = random_camera(rng, size) if own else default_camera(size)
    moment, conditions = float(rng.uniform(0, 60)), Conditions.random(rng)
    crowd = float(rng.choice(list(CROWDS), p=list(CROWDS.values())))
    return World(seed, camera, crowd, conditions).render(moment)


def _arrays(scene: Rendered) -> dict[str, np.ndarray]:
    found, signs, drivable = scene.truth.detections, scene.truth.signs, scene.truth.drivable
    assert found is not None
    assert signs is not None
    assert drivable is not None
    scale, (width, height) = np.float32(1 / SHRINK), (x // SHRINK for x in scene.frame.size)
    image = cv2.resize(scene.frame.image, (width, height), interpolation=cv2.INTER_AREA)
    line, edge = np.zeros((2, height, width), np.uint8)
    for lane in scene.truth.lanes or ():
        drawn = edge if lane.kind == ROAD_EDGE else line
        cv2.polylines(drawn, [np.round(lane.image * scale).astype(np.int32)], False, CERTAIN, LINE_WIDTH)
    return {
        "jpeg": cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1],
        "xyxy": found.xyxy * scale,
        "label": found.class_id,
        "sign": np.array([_meaning(box, signs.xyxy, signs.class_id) for box in found.xyxy], np.int64),
        "ignored": scene.ignored * scale,
        "drivable": _shrunk(drivable.labels),
        "line": line,
        "edge": edge,
        "paint": _shrunk(scene.paint.astype(np.uint8)),
    }


def _shrunk(mask: np.ndarray) -> np.ndarray:
    """(h, w) uint8 0 or 1: what most of a pixel of the shrunk picture is."""
    size = (mask.shape[1] // SHRINK, mask.shape[0] // SHRINK)
    return (cv2.resize(mask * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 127).astype(np.uint8)


def _meaning(box: np.ndarray, signs: np.ndarray, classes: np.ndarray) -> int:
    same = np.flatnonzero((np.abs(signs.reshape(-1, 4) - box) < 0.5).all(1))
    return int(classes[same[0]]) if len(same) else ANY_SIGN


def _load(path: Path) -> Sample:
    with np.load(path, allow_pickle=False) as stored:
        sure = len(stored["xyxy"])
        xyxy = np.concatenate([stored["xyxy"], *[stored["ignored"]] * len(CLASSES)]).astype(np.float32)
        rest = np.repeat(np.arange(len(CLASSES)), len(stored["ignored"]))  # hidden things, of whatever class
        return Sample(
            name=f"synthetic/{path.name}",
            image=np.asarray(cv2.imdecode(stored["jpeg"], cv2.IMREAD_COLOR)),
            boxes=Boxes(
                xyxy,
                np.concatenate([stored["label"].astype(np.int64), rest]),
                np.arange(len(xyxy)) < sure,
                np.concatenate([stored["sign"], np.full(len(rest), ANY_SIGN)]),
            ),
            negative_weight=EVERYTHING,
            drivable=stored["drivable"] * np.uint8(CERTAIN),
            line=stored["line"],
            paint=stored["paint"] * np.uint8(CERTAIN),
            edge=stored["edge"],
        )
