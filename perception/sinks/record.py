"""A drive recorder: pictures and what was seen in them as one MCAP file (`perception.sinks.drive_file`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2

from perception.fields import Named, classes_of
from perception.sinks.drafts import Draft, drafts, own_motion
from perception.sinks.drive_file import DriveFile
from perception.types import Frame, Scene


class DriveRecorder:
    """Writes every frame with its scene to a `DriveFile`, as JPEG."""

    def __init__(
        self,
        path: str | Path,
        tasks: Sequence[Named],
        facts: Mapping[str, Any] | None = None,
        jpeg_quality: int = 90,
        truth: Callable[[Frame], Scene | None] | None = None,
        overwrite: bool = False,
    ) -> None:
        """tasks: give class ids their names; facts: for the metadata record, JSON where they are no text;
        truth: what is known of a frame, for the /truth topics, in the same class ids; overwrite: replace a
        recording of this name, which is refused else."""
        self.path = Path(path)
        self._classes = {name: own for name, own in classes_of(tasks).items() if name}
        self._quality = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality]
        self._truth = truth
        self._without_ego: deque[int] | None = deque(maxlen=64)  # stamps; None: the own motion is written
        self._file = DriveFile(self.path, {"classes": self._classes, **(facts or {})}, overwrite)

    def write(self, frame: Frame, scene: Scene) -> None:
        """Raises SinkError if the file cannot grow, or a stamp does not fit."""
        truth = self._truth(frame) if self._truth else None
        said = drafts(frame, scene, self._classes, lambda: self._jpeg(frame), truth)
        self._file.add(frame.stamp_ns, frame.camera, [*self._without(frame), *said])

    def close(self) -> None:
        self._file.close()

    def _jpeg(self, frame: Frame) -> bytes:
        _, jpeg = cv2.imencode(".jpg", frame.image, self._quality)
        return jpeg.tobytes()

    def _without(self, frame: Frame) -> Iterator[Draft]:
        """That there was no own motion: in this frame, or just before the first that has one."""
        known = frame.ego is not None
        if self._without_ego is None:
            if not known:
                yield own_motion(frame)
        elif known:
            yield from (
                own_motion(replace(frame, stamp_ns=stamp_ns, ego=None)) for stamp_ns in self._without_ego
            )
            self._without_ego = None
        else:
            self._without_ego.append(frame.stamp_ns)
