"""Frames read again from their drives, painted as labelled and as seen. Pictures live in the page only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import cv2
import numpy as np

from perception.errors import FrameError
from perception.evaluation.observe import Observer
from perception.fields import present
from perception.interfaces import Task
from perception.labels.labelled import Labelled
from perception.labels.truth import Truth
from perception.pipeline import Pipeline
from perception.sinks.scenes import Record, read_scenes, scene_from_json
from perception.types import VOID, ClassMap, Frame, Scene, Signs

WIDTH = 520  # of a picture, pixels
QUALITY = 80  # of the JPEGs
PAINT = (60, 60, 255)  # labelled lane paint, BGR
OPEN = (128, 128, 128)  # what the labels leave open

Key = tuple[str, int]  # drive, seq
View = Callable[[str, Frame, Truth], np.ndarray]  # a frame of a drive, painted with what was seen in it
Shots = Mapping[Key, Mapping[str, bytes]]  # what a picture shows -> JPEG
TRUTH = "as labelled"


def shots(
    wanted: Mapping[Key, str],
    drives: Iterable[Labelled],
    views: Mapping[str, View],
    tasks: Sequence[Task],
) -> dict[Key, dict[str, bytes]]:
    """Pictures of the wanted frames: the truth in the colours of `tasks`, and what each of `views` saw.

    wanted: with the name of the picture that a frame was of. Another one that has its number now, as with
    another limit or where pictures are gone, is left out.
    Raises DataError, SourceError if a drive is no longer there.
    """
    found = {}
    for drive in drives:
        numbers = sorted({seq for name, seq in wanted if name == drive.name})
        for frame, truth in again(drive, numbers):
            if PurePath(frame.source).name != wanted[drive.name, frame.seq]:
                continue
            told = {TRUTH: paint_truth(frame, truth, tasks)}
            seen = {name: view(drive.name, frame, truth) for name, view in views.items()}
            images = {name: jpeg(canvas) for name, canvas in {**told, **seen}.items()}
            found[drive.name, frame.seq] = images
    return found


def again(drive: Labelled, numbers: Sequence[int]) -> Iterator[tuple[Frame, Truth]]:
    """Some frames of a drive, by ascending number; unrelated pictures are opened one by one."""
    if not numbers:
        return
    parts = drive.parts(1)
    if len(parts) > 1:
        for seq in numbers:
            yield from parts[seq] if seq < len(parts) else ()
        return
    for frame, truth in drive:
        if frame.seq in numbers:
            yield frame, truth
        if frame.seq >= numbers[-1]:
            return


def view_of(pipeline: Pipeline) -> View:
    """As it was judged: a crop with one sign is only read. The bare image if there is no answer."""
    observer = Observer(pipeline)

    def view(drive: str, frame: Frame, truth: Truth) -> np.ndarray:
        try:
            return painted(frame, observer.look(frame, truth.crop)[0], pipeline.tasks)
        except FrameError:
            return frame.image

    return view


def view_of_stored(folder: Path, tasks: Sequence[Task]) -> View:
    """As `folder/DRIVE.jsonl` says; class maps are not in it. The bare image where it has no scene."""

    @cache
    def scenes(drive: str) -> Mapping[int, Record]:
        return {record["seq"]: record for record in read_scenes(folder / f"{drive}.jsonl")}

    def view(drive: str, frame: Frame, truth: Truth) -> np.ndarray:
        record = scenes(drive).get(frame.seq)
        return frame.image if record is None else painted(frame, scene_from_json(record, tasks), tasks)

    return view


def painted(frame: Frame, scene: Scene, tasks: Iterable[Task]) -> np.ndarray:
    canvas = frame.image.copy()
    for task in tasks:
        task.draw(canvas, scene)
    return canvas


def paint_truth(frame: Frame, truth: Truth, tasks: Sequence[Task]) -> np.ndarray:
    """The labels of a frame in the colours of the tasks; lane paint red, open regions grey."""
    scene = truth.scene(frame, {task.name: task.classes for task in tasks})
    if scene.signs is not None:
        known = scene.signs.score > 0  # of the others nobody wrote down what they say
        signs = Signs(scene.signs.xyxy[known], scene.signs.class_id[known], scene.signs.score[known])
        scene = replace(scene, signs=signs)
    maps = {field.name: value for field, value in present(scene) if isinstance(value, ClassMap)}
    judged: dict[str, Any] = {name: _judged(cells) for name, cells in maps.items()}
    canvas = painted(frame, replace(scene, **judged), tasks)
    for cells in maps.values():
        canvas[_at(cells.labels, frame) == VOID] = OPEN
    if truth.paint is not None:
        canvas[_at(truth.paint, frame) == 1] = PAINT
    return canvas


def sized(picture: np.ndarray, width: int) -> np.ndarray:
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def jpeg(picture: np.ndarray, width: int = WIDTH) -> bytes:
    """(H, W, 3) uint8, made `width` wide if it is larger."""
    picture = sized(picture, width) if picture.shape[1] > width else picture
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def _judged(cells: ClassMap) -> ClassMap:
    """Without what the labels leave open."""
    return ClassMap(cells.labels * (cells.labels != VOID), cells.size)


def _at(labels: np.ndarray, frame: Frame) -> np.ndarray:
    return cv2.resize(labels, frame.size, interpolation=cv2.INTER_NEAREST_EXACT)
