"""Frames and their labels, which a drive holds as messages of their own."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from perception.errors import DataError, PerceptionError
from perception.fields import FIELDS
from perception.messages import stamp_ns
from perception.sources.bag import Packed
from perception.types import Detections, Frame, Scene, Signs

FRAMES_NS, LABELS_NS = (
    1_000_000_000,
    5_000_000_000,
)  # how long one waits for the other, on the recording's clock

log = logging.getLogger(__name__)


class Pairs:
    """Joins frames and labels of one stamp, in the order of the frames."""

    def __init__(self, topics: Mapping[str, str], classes: Mapping[str, Sequence[str]], name: str) -> None:
        """topics: field of Scene -> topic of its labels; classes: task -> class names."""
        self._fields = {topic: field for field, topic in topics.items()}
        self._classes = classes
        self._name = name
        self._frames: deque[tuple[int, Frame]] = deque()
        self._labels: dict[int, tuple[int, dict[str, Any]]] = {}  # stamp -> (time, field -> message)
        self.bare = 0  # frames without a label
        self.stray = 0  # labels without a frame
        self.outside = 0  # boxes that do not touch the image

    def add(self, time_ns: int, item: Frame | Packed) -> Iterator[tuple[Frame, Scene]]:
        if isinstance(item, Packed):
            message = item.message()
            _, found = self._labels.setdefault(stamp_ns(message.header), (time_ns, {}))
            found[self._fields[item.topic]] = message
        else:
            self._frames.append((time_ns, item))
        while self._frames and (self._complete() or self._frames[0][0] < time_ns - FRAMES_NS):
            yield from self._first()
        while self._labels and next(iter(self._labels.values()))[0] < time_ns - LABELS_NS:
            self._drop(next(iter(self._labels)))

    def rest(self) -> Iterator[tuple[Frame, Scene]]:
        while self._frames:
            yield from self._first()
        for stamp in list(self._labels):
            self._drop(stamp)
        self._report()

    def _complete(self) -> bool:
        _, labels = self._labels.get(self._frames[0][1].stamp_ns, (0, {}))
        return len(labels) == len(self._fields)

    def _drop(self, stamp: int) -> None:
        self.stray += len(self._labels.pop(stamp)[1])

    def _first(self) -> Iterator[tuple[Frame, Scene]]:
        _, frame = self._frames.popleft()
        _, labels = self._labels.pop(frame.stamp_ns, (0, {}))
        if not labels:
            self.bare += 1
            return
        try:
            yield frame, self._scene(frame, labels)
        except PerceptionError as error:
            raise DataError(f"{self._name}: the label of stamp {frame.stamp_ns}: {error}") from error

    def _scene(self, frame: Frame, labels: Mapping[str, Any]) -> Scene:
        found = {
            field.name: self._inside(
                field.from_message(labels[field.name], self._classes.get(field.task, ()), frame.size), frame
            )
            for field in FIELDS
            if field.name in labels
        }
        return Scene(frame.seq, frame.stamp_ns, frame.size, **found)

    def _inside(self, found: Any, frame: Frame) -> Any:
        """Boxes cut at the edges of the image, without those that lie outside of it; the rest as it is."""
        if not isinstance(found, Detections | Signs):
            return found
        xyxy = np.clip(found.xyxy, 0, np.array(frame.size * 2, np.float32))
        kept = (xyxy[:, 0] < xyxy[:, 2]) & (xyxy[:, 1] < xyxy[:, 3])
        self.outside += int((~kept).sum())
        return replace(found, xyxy=xyxy)[kept]

    def _report(self) -> None:
        for count, what in (
            (self.bare, "frames without a label were left out"),
            (self.stray, "labels without a frame were left out"),
            (self.outside, "boxes outside the image were left out"),
        ):
            if count:
                log.warning("%s: %d %s", self._name, count, what)
