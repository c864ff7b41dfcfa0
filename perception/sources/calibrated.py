"""A source whose camera is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from perception.camera import CameraModel
from perception.errors import SourceError
from perception.interfaces import Source
from perception.types import Frame, Size


class Calibrated:
    """Another source, its frames with a camera, scaled to their size: it must see the same field of view.

    Raises SourceError at a frame of another shape than the camera's images: what was cropped is not known.
    """

    def __init__(self, source: Source, camera: CameraModel) -> None:
        self.live = source.live
        self.fps = source.fps
        self.images = source.images
        self.close = source.close
        self._source = source
        self._camera = camera

    def __iter__(self) -> Iterator[Frame]:
        camera = self._camera
        for frame in self._source:
            if not self._camera.fits(frame.size):
                raise SourceError(
                    f"{frame.source}: expected frames of the camera's shape, {_text(self._camera.size)}, got "
                    f"{_text(frame.size)}; calibrate at this size, or give a camera model without the part "
                    "that was cut away"
                )
            if frame.size != camera.size:
                camera = self._camera.scaled(frame.size)
            yield replace(frame, camera=camera)

    @property
    def lost(self) -> int:
        return self._source.lost

    @property
    def dropped(self) -> int:
        return getattr(self._source, "dropped", 0)


def _text(size: Size) -> str:
    return f"{size[0]} x {size[1]}"
