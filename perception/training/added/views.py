"""Pictures with the truth of an added task, as the network sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from perception.labels.added import Example, MaskFile, Objects
from perception.labels.rows import read_image
from perception.letterbox import Letterbox
from perception.tasks.added import cells
from perception.training.added.recipe import FACTOR, Recipe
from perception.types import VOID, Size

CUT = 0.7  # the least share of each side
BRIGHT = 0.15  # by which the logarithm of the gamma may differ
LEAST = 0.3  # of a box, to be left after a cut; of the whole picture CUT x CUT is


@dataclass(frozen=True, eq=False)
class View:
    """One picture at the network's size, and what is known of it."""

    image: np.ndarray  # (h, w, 3) uint8
    places: np.ndarray  # (n, 4) int: x1, y1, x2, y2 in cells of the head's stride
    class_id: np.ndarray  # (n,) int
    labels: np.ndarray | None = None  # (h / stride * FACTOR, ...) uint8, VOID: not judged


@dataclass(frozen=True, eq=False)
class _Picture:
    """At its own size."""

    image: np.ndarray
    xyxy: np.ndarray  # (n, 4)
    class_id: np.ndarray  # (n,)
    labels: np.ndarray | None  # (H, W)


def views(
    example: Example, classes: Sequence[str], network: Size, recipe: Recipe, rng: np.random.Generator
) -> list[View]:
    """The whole picture first. `recipe`: of the kind. Raises DataError: no picture."""
    picture = _read(example, classes)
    others = [_changed(picture, rng) for _ in range(recipe.views - 1)]
    return [_fitted(one, network, recipe.stride) for one in (picture, *others)]


def changed(image: np.ndarray, rng: np.random.Generator, network: Size) -> np.ndarray:
    """A picture (H, W, 3) uint8 without labels, changed as other views are, at the network's size."""
    whole = _Picture(image, np.empty((0, 4), np.float32), np.zeros(0, int), None)
    cut = np.ascontiguousarray(_changed(whole, rng).image)
    return Letterbox.fit((cut.shape[1], cut.shape[0]), network).apply(cut)


def _read(example: Example, classes: Sequence[str]) -> _Picture:
    image = read_image(example.image)
    height, width = image.shape[:2]
    whole = np.array([[0, 0, width, height]], np.float32)
    match example.truth:
        case Objects(xyxy, names):
            ids = np.array([classes.index(name) for name in names])
            return _Picture(image, xyxy, ids, None)
        case MaskFile() as mask:
            labels = mask.labels(classes)
            labels = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
            return _Picture(image, whole[:0], np.zeros(0, int), labels)
        case str(name):
            return _Picture(image, whole, np.array([classes.index(name)]), None)


def _changed(picture: _Picture, rng: np.random.Generator) -> _Picture:
    """Cut, perhaps flipped, and brighter or darker."""
    height, width = picture.image.shape[:2]
    w, h = (max(8, round(side * rng.uniform(CUT, 1))) for side in (width, height))
    w, h = min(w, width), min(h, height)
    x, y = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
    image = picture.image[y : y + h, x : x + w]
    labels = None if picture.labels is None else picture.labels[y : y + h, x : x + w]
    moved = picture.xyxy - np.array([x, y, x, y])
    xyxy = np.clip(moved, 0, (w, h, w, h))
    kept = _area(xyxy) > LEAST * _area(picture.xyxy)
    xyxy, ids = xyxy[kept], picture.class_id[kept]
    if rng.random() < 0.5:
        image, labels = image[:, ::-1], None if labels is None else labels[:, ::-1]
        xyxy = xyxy[:, [2, 1, 0, 3]] * (-1, 1, -1, 1) + (w, 0, w, 0)
    gamma = float(np.exp(rng.uniform(-BRIGHT, BRIGHT)))
    table = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return replace(picture, image=table[image], xyxy=xyxy, class_id=ids, labels=labels)


def _area(xyxy: np.ndarray) -> np.ndarray:
    sides = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0)
    area: np.ndarray = sides[:, 0] * sides[:, 1]
    return area


def _fitted(picture: _Picture, network: Size, stride: int) -> View:
    height, width = picture.image.shape[:2]
    box = Letterbox.fit((width, height), network)
    grid = network[1] // stride, network[0] // stride
    xyxy = box.to_network(picture.xyxy.reshape(-1, 2, 2)).reshape(-1, 4)
    labels = None
    if picture.labels is not None:
        canvas = np.full(network[::-1], VOID, np.uint8)
        small = cv2.resize(
            np.ascontiguousarray(picture.labels), box.inner, interpolation=cv2.INTER_NEAREST_EXACT
        )
        box.inside(canvas)[:] = small
        size = grid[1] * FACTOR, grid[0] * FACTOR
        labels = cv2.resize(canvas, size, interpolation=cv2.INTER_NEAREST_EXACT)
    image = box.apply(np.ascontiguousarray(picture.image))
    return View(image, cells(xyxy, grid, network), picture.class_id, labels)
