"""Geometric augmentation: image, boxes and maps move together. What light does is in light.py.

A frame is shown to the network at about the size at which it will be shown in use (the letterbox), times
a random zoom. Frames are mirrored half of the time; a mirrored sign keeps its box and loses its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from perception.letterbox import PAD, Letterbox
from perception.tasks.batch import ANY_SIGN, MAPS, UNKNOWN
from perception.tasks.detection import CLASSES
from perception.training.data.sample import Boxes, Sample
from perception.training.light import relight, under_another_light
from perception.types import Size

LEAST = 3.0  # pixels a side: a box smaller than this after cropping teaches nothing
VEHICLE = CLASSES.index("vehicle")
CELL = 2  # pixels of a map's cell
MUCH = 1.7  # so much larger must a frame be to fill the input, for it to be enlarged at all times


@dataclass(frozen=True, eq=False)
class Item:
    """A training frame at the size that the network sees."""

    image: np.ndarray  # (h, w, 3) uint8, BGR
    maps: np.ndarray  # (len(MAPS), h / 2, w / 2) uint8, UNKNOWN where nothing is known
    boxes: Boxes


@dataclass(frozen=True)
class Place:
    """Zoom and crop to `size` (width, height).

    At a zoom of 1 the frame fits `size` as it does in use; `cover`: share of frames that fill it instead, or
    lie between the two, so that a wide input also learns from pictures that are not wide.
    """

    size: Size
    zoom: tuple[float, float] = (0.7, 1.5)
    stretch: float = 0.1
    cover: float = 0.5

    def scale(self, image: Size) -> float:
        """Network pixels per image pixel of a frame that just fits."""
        return float(Letterbox.fit(image, self.size).scale[0])

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Item:
        height, width = sample.image.shape[:2]
        window = self._window((width, height), rng)
        slack = np.array([width, height]) - window
        left, top = (int(rng.integers(min(0, s), max(0, s) + 1)) for s in slack)
        at = np.array([left, top])
        boxes = sample.boxes or Boxes()
        moved = (boxes.xyxy - np.tile(at, 2)) * np.tile(np.divide(self.size, window), 2)
        return Item(
            self._image(sample.image, at, window),
            np.stack([self._map(getattr(sample, name), (width, height), at, window) for name in MAPS]),
            _without_cut(replace(boxes, xyxy=moved.astype(np.float32)), self.size),
        )

    def _window(self, image: Size, rng: np.random.Generator) -> np.ndarray:
        """(2,) int: width and height of what the crop shows, image pixels."""
        fit, fill = self.scale(image), max(np.divide(self.size, image))
        towards = rng.uniform() if rng.random() < max(self.cover, fill > MUCH * fit) else 0.0
        zoom = np.exp(rng.uniform(*np.log(self.zoom))) * (fill / fit) ** towards
        scale = fit * zoom * np.exp(rng.uniform(-self.stretch, self.stretch, 2) / 2)
        return np.maximum(2, np.round(np.array(self.size) / scale)).astype(int)

    def _image(self, image: np.ndarray, at: np.ndarray, window: np.ndarray) -> np.ndarray:
        low, high = np.maximum(at, 0), np.minimum(at + window, image.shape[1::-1])
        ratio = np.divide(self.size, window)
        begin, end = (np.round((corner - at) * ratio).astype(int) for corner in (low, high))
        shown = image[low[1] : high[1], low[0] : high[0]]
        how = cv2.INTER_AREA if ratio[0] < 1 else cv2.INTER_LINEAR
        part = cv2.resize(shown, tuple(np.maximum(1, end - begin).tolist()), interpolation=how)
        if part.shape[1::-1] == self.size:
            return np.asarray(part)
        out = np.full((self.size[1], self.size[0], 3), PAD, np.uint8)
        inside = out[begin[1] :, begin[0] :][: part.shape[0], : part.shape[1]]
        inside[:] = part[: inside.shape[0], : inside.shape[1]]
        return out

    def _map(self, truth: np.ndarray | None, image: Size, at: np.ndarray, window: np.ndarray) -> np.ndarray:
        """A map that covers the whole image, at the cells of the crop."""
        cells = (self.size[0] // CELL, self.size[1] // CELL)
        if truth is None:
            return np.full(cells[::-1], UNKNOWN, np.uint8)
        per_cell = np.divide(truth.shape[1::-1], image) * np.divide(window, cells)
        first = at * np.divide(truth.shape[1::-1], image) + per_cell / 2 - 0.5  # middles of cells, as OpenCV
        turn = np.array([[per_cell[0], 0, first[0]], [0, per_cell[1], first[1]]])
        soft = truth.max() < UNKNOWN  # between what is known and what is not, there is no middle
        how = (cv2.INTER_LINEAR if soft else cv2.INTER_NEAREST) | cv2.WARP_INVERSE_MAP
        shown = np.array(cv2.warpAffine(truth, turn, cells, flags=how, borderMode=cv2.BORDER_REPLICATE))
        for axis, size in enumerate(truth.shape[1::-1]):
            middle = first[axis] + 0.5 + per_cell[axis] * np.arange(cells[axis])
            outside = (middle < 0) | (middle > size)
            shown[(slice(None), outside) if axis == 0 else outside] = UNKNOWN
        return shown


def _without_cut(boxes: Boxes, size: Size) -> Boxes:
    """Clip boxes to the crop; drop what is gone, and be unsure of what little is left."""
    clipped = np.clip(boxes.xyxy, 0, np.tile(np.array(size, np.float32), 2))
    side = clipped[:, 2:] - clipped[:, :2]
    whole = (boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]).prod(1)
    sure = boxes.sure & (side.prod(1) > 0.25 * whole) & (side.min(1, initial=np.inf) >= LEAST)
    keep = side.min(1, initial=np.inf) >= 1
    return Boxes(clipped[keep], boxes.label[keep], sure[keep], boxes.sign[keep])


def mirror(item: Item) -> Item:
    """Left to right. Signs lose their meaning and stay signs."""
    boxes, width = item.boxes, item.image.shape[1]
    xyxy = boxes.xyxy.copy()
    xyxy[:, [2, 0]] = width - xyxy[:, [0, 2]]
    nameless = replace(boxes, xyxy=xyxy, sign=np.full_like(boxes.sign, ANY_SIGN))
    return Item(np.asarray(cv2.flip(item.image, 1)), item.maps[..., ::-1], nameless)


def augment(sample: Sample, place: Place, rng: np.random.Generator) -> Item:
    """One training item: placed, perhaps mirrored, under another light."""
    item = place(sample, rng)
    if rng.random() < 0.5:
        item = mirror(item)
    vehicles = item.boxes.xyxy[item.boxes.label == VEHICLE]
    return replace(item, image=under_another_light(item.image, rng, vehicles))


def sign_crop(
    image: np.ndarray, box: np.ndarray, rng: np.random.Generator, size: int, margin: float
) -> np.ndarray:
    """A sign crop (size, size, 3) uint8 BGR as `sign_crops` cuts it, from a jittered box, relit."""
    side = float(max(box[2] - box[0], box[3] - box[1]))
    centre = (box[:2] + box[2:]) / 2 + rng.uniform(-0.09, 0.09, 2) * side
    shown = side * margin * np.exp(rng.uniform(-0.18, 0.18))
    coarse = int(rng.integers(14, size)) if rng.random() < 0.3 else size  # a sign further away
    turn = cv2.getRotationMatrix2D((0, 0), float(rng.normal(0, 6)), coarse / shown)
    turn[:, :2] *= np.exp(rng.uniform(-0.08, 0.08, 2))[None]
    turn[:, 2] = coarse / 2 - turn[:, :2] @ (centre - 0.5) - 0.5  # OpenCV counts from the middle of a pixel
    crop = cv2.warpAffine(
        image, turn, (coarse, coarse), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if rng.random() < 0.25:
        length = int(rng.integers(2, 5)) * coarse // size + 1
        crop = cv2.blur(crop, (length, 1) if rng.random() < 0.5 else (1, length))
    crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR)
    return relight(crop, rng)
