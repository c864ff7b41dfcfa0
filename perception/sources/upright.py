"""From a decoded frame to pixels as a viewer shows them: colours, square pixels, the right way up."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideDataContainer
from av.video.reformatter import VideoReformatter

from perception.colour import UNSAID, usual
from perception.sources.convert import to_bgr
from perception.white import White

SQUARE = 0.01  # a pixel so near to a square is one: some tools round the size and note the rest here
ODD = 4.0  # no camera has pixels so much wider or higher: the entry is wrong
SIDE_DATA: Any = SideDataContainer  # its stub does not know that it takes a frame
DEEP = 16  # bits that do not say where white is, unlike those of fewer
FLIPS = {(True, False): 1, (False, True): 0, (True, True): -1}  # left for right, top for bottom -> cv2.flip


class Upright:
    """Its images are (H, W, 3) uint8 BGR: the height is that of the stored picture before it is turned."""

    def __init__(self, pixel_aspect: Fraction | None = None, name: str = "a video") -> None:
        """`pixel_aspect`: width of a pixel to its height; None or 0: it does not say."""
        self._white = White(name)
        aspect = float(pixel_aspect or 1)
        usable = 1 / ODD <= aspect <= ODD and abs(aspect - 1) > SQUARE
        self._aspect = aspect if usable else 1.0
        self._to_bgr = VideoReformatter()  # one for all frames: it keeps its tables
        self._matrix: np.ndarray | None = None
        self._rotation = 0  # of the last frame

    def width(self, stored: int) -> int:
        """In square pixels."""
        return max(1, round(stored * self._aspect))

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        say_colours(frame)
        form = deep_form(frame.format)
        bgr = self._to_bgr.reformat(frame, width=self.width(frame.width), format=form or "bgr24", threads=1)
        image = bgr.to_ndarray()  # a view of the frame's memory unless its rows are padded
        if form:
            image = to_bgr(image, self._white)
        matrix = self._display_matrix(frame)
        return image if matrix is None else turned(image, matrix)

    def _display_matrix(self, frame: av.VideoFrame) -> np.ndarray | None:
        """Read at key frames, and where the rotation is another."""
        if frame.key_frame or frame.rotation != self._rotation:
            # Not `frame.side_data`: it and the frame hold each other until garbage is collected.
            said: Any = SIDE_DATA(frame).get("DISPLAYMATRIX")
            self._matrix = None if said is None else np.frombuffer(bytes(said), np.int32)
            self._rotation = frame.rotation
        return self._matrix


def deep_form(form: av.VideoFormat) -> str:
    """The form to read a picture in whose white has to be found; "": it is where the format says.

    >>> deep_form(av.VideoFormat("gray16be")), deep_form(av.VideoFormat("yuv420p10le"))
    ('gray16le', '')
    """
    if form.components[0].bits != DEEP or not (form.is_rgb or len(form.components) == 1):
        return ""
    return "bgr48le" if form.is_rgb else "gray16le"


def say_colours(frame: av.VideoFrame) -> None:
    """FFmpeg takes a frame that does not say for BT.601."""
    if frame.colorspace == UNSAID and not frame.format.is_rgb:
        frame.colorspace = usual(frame.width, frame.height).matrix


def turned(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """By the nearest of the eight orientations to a display matrix (a b u c d v x y w) of ISO 14496-12.

    It moves (x, y) to (ax + cy, bx + dy); phones store pictures as the sensor lies.
    """
    a, b, _, c, d = matrix[:5].tolist()
    if abs(a) + abs(d) < abs(b) + abs(c):
        image, a, d = cv2.transpose(image), c, b
    flip = FLIPS.get((a < 0, d < 0))
    return image if flip is None else cv2.flip(image, flip)
