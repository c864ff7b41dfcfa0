"""Paint on the road that is no lane line: arrows, zebra crossings, stop lines, numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from perception.synthetic.canvas import GROUND, Canvas
from perception.synthetic.road import Strip
from perception.synthetic.textures import pyramid

KINDS = ("ahead", "turn", "both", "zebra", "bar", "teeth", "30", "50")
_PAINT = (222, 226, 226, 255)


@dataclass(frozen=True, eq=False)
class Stamp:
    s: float  # near end
    length: float
    d: float  # middle
    width: float
    kind: str
    against: bool  # to be read by oncoming traffic
    strength: float  # 0..1, what wear has left

    def paint(self, canvas: Canvas, strip: Strip, shade: float) -> None:
        """`shade`: 0..1, how much of the sun is taken away there."""
        near, far = np.pad(
            strip.to_vehicle(np.array([self.s, self.s + self.length]), self.d), ((0, 0), (0, 1))
        )
        if near[0] < 1 or far[0] > 90:
            return
        turn = float(strip.turn(self.s))
        across = np.array([np.sin(turn), -np.cos(turn), 0.0]) * self.width
        corner, down = far - across / 2, near - far
        if self.against:
            corner, across, down = corner + across + down, -across, -down
        light = canvas.light.ambient + canvas.light.direct * (1 - shade)
        canvas.plane(corner, across, down, sheet(self.kind, round(self.strength * 4)), light, GROUND)


@lru_cache(maxsize=len(KINDS) * 5)
def sheet(kind: str, strength: int) -> tuple[np.ndarray, ...]:
    """Pyramid of premultiplied BGRA, read from below. Few rows: it is always seen at a slant."""
    image = np.zeros((64, 64, 4), np.uint8)
    if kind == "zebra":
        image = np.zeros((8, 512, 4), np.uint8)
        image[:, np.arange(512) % 40 < 20] = _PAINT
    elif kind in ("bar", "teeth"):
        image = np.zeros((8, 256, 4), np.uint8)
        image[:, np.arange(256) % 24 < (24 if kind == "bar" else 12)] = _PAINT
    elif kind.isdigit():
        cv2.putText(image, kind, (4, 58), cv2.FONT_HERSHEY_SIMPLEX, 1.45, _PAINT, 8, cv2.LINE_AA)
    else:
        _arrow(image, kind)
    image[..., 3] = (image[..., 3] * (0.4 + 0.15 * strength)).astype(np.uint8)
    return pyramid(image, 2)


_SHAFTS = {
    "ahead": [(32, 63), (32, 20)],
    "turn": [(32, 63), (32, 34), (46, 26)],
    "both": [(32, 63), (32, 20)],
}
_UP, _RIGHT = [(32, 0), (20, 22), (44, 22)], [(62, 26), (44, 12), (44, 40)]


def _arrow(image: np.ndarray, kind: str) -> None:
    cv2.polylines(image, [np.array(_SHAFTS[kind])], False, _PAINT, 7)
    for head in {"ahead": [_UP], "turn": [_RIGHT], "both": [_UP, _RIGHT]}[kind]:
        cv2.fillPoly(image, [np.array(head)], _PAINT)
    if kind == "both":
        cv2.polylines(image, [np.array([(32, 52), (46, 28)])], False, _PAINT, 6)
