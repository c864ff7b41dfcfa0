"""Painted images: one JPEG for each frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2

from perception.interfaces import Painter
from perception.sinks.files import Stems, write_whole
from perception.sinks.overlay import paint, status
from perception.types import Frame, Scene

QUALITY = 90


class OverlayImages:
    """`folder/STEM.jpg` for each frame, STEM being the image's name or the frame number."""

    def __init__(self, folder: str | Path, painters: Sequence[Painter]) -> None:
        self.folder = Path(folder)
        self.painters = painters
        self._stems = Stems()

    def write(self, frame: Frame, scene: Scene) -> None:
        canvas = paint(frame, scene, self.painters, status(scene))
        _, jpeg = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        write_whole(self.folder / f"{self._stems(frame)}.jpg", jpeg.tobytes())

    def close(self) -> None:
        """Every image is complete once written."""
