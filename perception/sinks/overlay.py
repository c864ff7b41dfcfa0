"""What was seen, painted over the image."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from time import perf_counter

import cv2
import numpy as np

from perception.interfaces import Painter
from perception.types import Frame, Scene

FONT = cv2.FONT_HERSHEY_SIMPLEX
RATE_FRAMES = 30  # the rate shown is the mean over so many frames


def paint(frame: Frame, scene: Scene, painters: Sequence[Painter], text: str) -> np.ndarray:
    """A painted copy of the frame's image: those that tint areas, the others, each in order, then a line of
    text at the top left."""
    canvas = frame.image.copy()
    for painter in sorted(painters, key=lambda painter: not getattr(painter, "tints", False)):
        painter.draw(canvas, scene)
    caption(canvas, text)
    return canvas


def caption(canvas: np.ndarray, text: str) -> None:
    """White on a black bar, so it reads on any sky; its size follows the image's width. In place."""
    scale = max(0.35, canvas.shape[1] / 1600)
    (width, height), below = cv2.getTextSize(text, FONT, scale, 1)
    cv2.rectangle(canvas, (0, 0), (width + 2 * below, height + 2 * below), (0, 0, 0), cv2.FILLED)
    cv2.putText(canvas, text, (below, height + below), FONT, scale, (255, 255, 255), 1, cv2.LINE_AA)


def status(scene: Scene) -> str:
    """`frame 12  8.3 ms`: the time is the sum of the pipeline's stages. A blank image is called one."""
    blank = "  blank: nothing to see" if scene.blank else ""
    return f"frame {scene.seq}  {sum(scene.timing_ms.values()):.1f} ms{blank}"


class Rate:
    """Frames per second of whoever calls `tick`, everything between two calls included."""

    def __init__(self) -> None:
        self._ticks: deque[float] = deque(maxlen=RATE_FRAMES + 1)

    def tick(self) -> float:
        """The rate including this frame; 0 at the first."""
        self._ticks.append(perf_counter())
        span = self._ticks[-1] - self._ticks[0]
        return (len(self._ticks) - 1) / span if span else 0.0
