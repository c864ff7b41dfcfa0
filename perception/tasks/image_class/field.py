"""`Scene.image_classes` in JSON, messages and the gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from perception import messages
from perception.comparison import Element, Table, Tolerance, apart, same
from perception.field import SCORE, Classes, Field, rounded
from perception.messages import Record
from perception.messages.topics import VEHICLE_FRAME
from perception.tasks.added import BETWEEN, named, pairs
from perception.types import ImageClass, Size

Found = Mapping[str, ImageClass]


class ImageClassesField(Field[Found]):
    """Task -> its class, and the scores of all its classes."""

    name = "image_classes"
    task = "image"
    topic, message = "image_classes", "vision_msgs/msg/Classification"
    tolerances: Mapping[str, Table] = {
        "": {"class": Tolerance(0, 0.02), "score": Tolerance(0.03, 0.02)},
        "other": {"class": Tolerance(0, 0.1), "score": Tolerance(0.2, 0.1)},
    }

    def to_json(self, value: Found, classes: Classes) -> dict[str, Any]:
        return {name: _to_json(own) for name, own in value.items()}

    def from_json(self, value: dict[str, Any], classes: Classes) -> Found:
        rows = {name: row["scores"] for name, row in value.items()}
        return {
            name: ImageClass(tuple(row), np.array([*row.values()], np.float32)) for name, row in rows.items()
        }

    def to_message(
        self, value: Found, classes: Classes, header: Record, vehicle_frame: str = VEHICLE_FRAME
    ) -> Record:
        scores = {
            f"{name}{BETWEEN}{label}": float(score)
            for name, own in value.items()
            for label, score in zip(own.classes, own.score, strict=True)
        }
        return messages.classification(scores, header)

    def from_message(self, message: Any, classes: Classes, size: Size) -> Found:
        scores = messages.classification_from(message, classes)
        return {
            name: ImageClass(own, np.array([scores[f"{name}{BETWEEN}{label}"] for label in own], np.float32))
            for name, own in named(list(scores)).items()
        }

    def count(self, value: Found, classes: Classes) -> Mapping[str, float]:
        return {f"{name}{BETWEEN}{_best(own)}": 1 for name, own in value.items()}

    def compare(self, was: dict[str, Any], now: dict[str, Any], size: Size) -> Iterator[Element]:
        yield same("tasks", sorted(was), sorted(now))
        for old, new in pairs(was, now):
            yield same("class", old["class"], new["class"])
            yield from (apart("score", *both) for both in pairs(old["scores"], new["scores"]))


def _best(value: ImageClass) -> str:
    return value.classes[int(value.score.argmax())]


def _to_json(value: ImageClass) -> dict[str, Any]:
    scores = dict(zip(value.classes, rounded(value.score, SCORE), strict=True))
    return {"class": _best(value), "scores": scores}
