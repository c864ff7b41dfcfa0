"""A source whose camera is known."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from perception.camera import CameraModel
from perception.camera_files import CameraFile, read_camera
from perception.errors import PerceptionError, SourceError
from perception.interfaces import Source
from perception.sources.around import Around
from perception.sources.ego import with_motion
from perception.types import Frame

log = logging.getLogger(__name__)


class Calibrated(Around):
    """Another source, its frames with a camera, scaled to their size: it must see the same field of view.

    Raises SourceError at a frame of another shape than the camera's images: what was cropped is not known.
    """

    def __init__(self, source: Source, camera: CameraModel | CameraFile) -> None:
        super().__init__(source)
        self._camera = camera

    def __iter__(self) -> Iterator[Frame]:
        camera: CameraModel | None = None
        for frame in self._source:
            if camera is None or frame.size != camera.size:
                camera = self._at(frame)
            yield replace(frame, camera=camera)

    def _at(self, frame: Frame) -> CameraModel:
        try:
            return self._camera.at(frame.size)
        except PerceptionError as error:
            raise SourceError(f"{frame.source}: {error}") from error


def with_files(source: Source, camera: Path | None, height: float | None, ego: Path | None) -> Source:
    """`source` with the own motion (see `with_motion`) and the camera of files, where they are given.

    `height`: metres, where the camera's file has none; without a file nothing comes of it, which is said.
    Raises PerceptionError.
    """
    source = with_motion(source, ego)
    if camera is None and height is not None:
        log.warning("--camera-height does nothing without --camera FILE")
    return source if camera is None else Calibrated(source, read_camera(camera, height))
