"""How good an added task is, by a bundle that has it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from perception import bundle
from perception.labels.added import Example, MaskFile, Objects
from perception.labels.rows import read_image
from perception.letterbox import Letterbox
from perception.load import load
from perception.tasks import maker
from perception.types import VOID, Detections, Frame, RawOutputs, Scene


class _Given:
    """In the place of the task that finds objects: those that are labelled."""

    name = "detection"
    classes: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def __init__(self, object_id: int) -> None:
        self.object_id = object_id
        self.xyxy = np.empty((0, 4), np.float32)

    def decode(self, raw: RawOutputs, frame: Frame, box: Letterbox, scene: Scene) -> Scene:
        n = len(self.xyxy)
        found = Detections(self.xyxy, np.ones(n, np.float32), np.full(n, self.object_id, np.int32))
        return replace(scene, detections=found)

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        pass


def confusion(folder: Path, name: str, examples: Sequence[Example], precision: str = "int8") -> np.ndarray:
    """(classes, classes) counts: rows are the truth, columns what the bundle says.

    Of images, of labelled boxes, or of pixels. Blank pictures are judged as all others.
    """
    read = bundle.read(folder)
    spec, size = read.tasks[name], read.input_size
    counts = np.zeros((len(spec.classes),) * 2, np.int64)
    given = _Given(int(spec.settings.get("object_id", 0)))
    with closing(load(folder, "cpu", [name], precision, 1, size, runtime="onnxruntime")) as whole:
        pipeline = whole.with_tasks([given, maker(spec)(spec, None)])
        pipeline.is_blank = lambda image: False
        for example in examples:
            if isinstance(example.truth, Objects):
                given.xyxy = example.truth.xyxy
            scene = pipeline(Frame(read_image(example.image), 0, 0))
            true, told = _both(example, scene, name, spec.classes)
            np.add.at(counts, (true, told), 1)
    return counts


def _both(example: Example, scene: Scene, name: str, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Class ids of the truth and of the answer, in pairs."""
    match example.truth:
        case str(label):
            assert scene.image_classes is not None
            best = int(scene.image_classes[name].score.argmax())
            return np.array([classes.index(label)]), np.array([best])
        case Objects(names=names):
            assert scene.object_classes is not None
            return np.array([classes.index(x) for x in names]), scene.object_classes[name].class_id
        case MaskFile() as mask:
            assert scene.class_maps is not None
            true = mask.labels(classes)
            size = true.shape[1], true.shape[0]
            told = cv2.resize(scene.class_maps[name].labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
            judged = true != VOID
            return true[judged], told[judged]


class Shares(NamedTuple):
    """Of each class, from 0 to 1; NaN where there is nothing to divide by."""

    recall: np.ndarray  # (classes,)
    precision: np.ndarray
    iou: np.ndarray


def shares(counts: np.ndarray) -> Shares:
    """`counts`: (classes, classes), rows are the truth."""
    right, true, told = np.diag(counts), counts.sum(1), counts.sum(0)
    return Shares(*(_share(right, whole) for whole in (true, told, true + told - right)))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def metrics(counts: np.ndarray) -> dict[str, Any]:
    """`accuracy`, `recall` (mean of the classes that are there), `iou` (likewise), from 0 to 1."""
    true, of = counts.sum(1), shares(counts)
    there = true > 0
    return {
        "accuracy": float(np.trace(counts) / max(1, true.sum())),
        "recall": float(of.recall[there].mean()) if there.any() else 0.0,
        "iou": float(of.iou[there].mean()) if there.any() else 0.0,
        "labels": int(true.sum()),
    }
