"""Pictures of OpenCV's captures, and how long each may have lain there."""

from __future__ import annotations

import time

import cv2
import numpy as np

from perception.sources.held import this_process
from perception.sources.waited import Waited


class Grabs:
    """Of an opened capture."""

    def __init__(self, capture: cv2.VideoCapture, asked_s: float) -> None:
        """`asked_s`: when opening it began, on the monotonic clock."""
        self._capture = capture
        held = this_process().look
        self._waited = Waited(iter(capture.grab, False), time.monotonic, asked_s, held=held)
        self._grabs = iter(self._waited)

    def next(self) -> tuple[np.ndarray, float] | None:
        """An image and the time since when it may have lain there; None: the device gives none."""
        if not next(self._grabs, False):
            return None
        ok, image = self._capture.retrieve()
        return (image, self._waited.since_s) if ok else None

    def close(self) -> None:
        self._capture.release()
