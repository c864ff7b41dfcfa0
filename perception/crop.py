"""The part of the image that is looked at: a camera may see its own bonnet, a frame or much sky.

The network, and every task, sees the part as if it were the image. What is found is then moved to where it is
in the whole image; outside the part nothing is found.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from math import isfinite
from typing import Any

import cv2
import numpy as np

from perception.camera import CameraModel
from perception.errors import FrameError, PerceptionError
from perception.types import (
    VOID,
    ClassMap,
    Detections,
    Frame,
    LabelMap,
    LaneLine,
    ObjectClasses,
    Scene,
    Signs,
    Size,
)

Part = tuple[int, int, int, int]  # left, top, width, height, pixels
FORM = "four numbers x,y,width,height: whole pixels, or fractions of the image from 0 to 1"


@dataclass(frozen=True)
class Crop:
    """Left, top, width and height; fractions of the image if none is above 1, else pixels."""

    x: float = 0.0
    y: float = 0.0
    width: float = 1.0
    height: float = 1.0

    @classmethod
    def parse(cls, text: str | tuple[float, float, float, float]) -> Crop:
        """Raises PerceptionError.

        >>> Crop.parse("0,0.1,1,0.7").at((1280, 720))
        (0, 72, 1280, 504)
        """
        try:
            numbers = [float(part) for part in (text.split(",") if isinstance(text, str) else text)]
            crop = cls(*numbers)
        except (TypeError, ValueError):
            raise PerceptionError(f"expected a crop of {FORM}, got {text!r}") from None
        if len(numbers) != 4 or not crop._possible():
            raise PerceptionError(f"expected a crop of {FORM}, inside the image and not empty, got {text!r}")
        return crop

    def at(self, size: Size) -> Part:
        """In an image of `size`. Raises FrameError if it is not inside."""
        scale = size if self._fractions else (1, 1)
        left, right = (round(at * scale[0]) for at in (self.x, self.x + self.width))
        top, bottom = (round(at * scale[1]) for at in (self.y, self.y + self.height))
        if not (left < right <= size[0] and top < bottom <= size[1]):
            raise FrameError(
                f"expected a crop inside the image of {size[0]} x {size[1]} pixels, got {self}; "
                "give --crop in fractions for cameras of several sizes"
            )
        return left, top, right - left, bottom - top

    def cut(self, frame: Frame) -> Frame:
        """The part as a frame; its image is a view. Raises FrameError if it is not inside the image."""
        left, top, width, height = part = self.at(frame.size)
        if (width, height) == frame.size:
            return frame
        image = frame.image[top : top + height, left : left + width]
        camera = None if frame.camera is None else _cropped(frame.camera, frame.size, part)
        return replace(frame, image=image, camera=camera)

    def placed(self, scene: Scene, size: Size) -> Scene:
        """What was seen in the part, in an image of `size`."""
        if scene.size == size:
            return scene
        found = {field.name: self.moved(getattr(scene, field.name), size) for field in fields(scene)}
        return replace(scene, **{**found, "size": size})

    def moved(self, found: Any, size: Size) -> Any:
        """A field of a scene, from the part to an image of `size`."""
        part = self.at(size)
        offset = np.array(part[:2], np.float32)
        match found:
            case Detections() | Signs() | ObjectClasses():
                return replace(found, xyxy=found.xyxy + np.tile(offset, 2))
            case (LaneLine(), *_):
                return tuple(replace(line, image=line.image + offset) for line in found)
            case ClassMap():
                return ClassMap(_placed(found.labels, part, size), size)
            case LabelMap():
                return replace(found, labels=_placed(found.labels, part, size, VOID), size=size)
            case dict():  # of added tasks
                return {name: self.moved(value, size) for name, value in found.items()}
        return found

    def _possible(self) -> bool:
        numbers = (self.x, self.y, self.width, self.height)
        if not all(isfinite(number) for number in numbers) or min(numbers) < 0:
            return False
        if not min(self.width, self.height) > 0:
            return False
        if self._fractions:
            return max(self.x + self.width, self.y + self.height) <= 1
        return all(number.is_integer() for number in numbers)

    @property
    def _fractions(self) -> bool:
        return max(self.x, self.y, self.width, self.height) <= 1

    def __str__(self) -> str:
        return f"{self.x:g},{self.y:g},{self.width:g},{self.height:g}"


WHOLE = Crop()


def _placed(labels: np.ndarray, part: Part, size: Size, outside: int = 0) -> np.ndarray:
    """Labels of a part at pixels of the whole image: there the part ends exactly where it does."""
    left, top, width, height = part
    whole = np.full((size[1], size[0]), outside, np.uint8)
    inside = whole[top : top + height, left : left + width]
    cv2.resize(labels, (width, height), inside, interpolation=cv2.INTER_NEAREST_EXACT)
    return whole


@lru_cache(8)
def _cropped(camera: CameraModel, size: Size, part: Part) -> CameraModel:
    """The camera of a part of its image, which has `size`."""
    left, top, width, height = part
    scaled = camera.at(size)
    return replace(scaled, size=(width, height), cx=scaled.cx - left, cy=scaled.cy - top)
