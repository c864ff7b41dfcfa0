"""Augmentation with torchvision.transforms.v2: image, boxes and maps move together.

A frame is shown to the network at about the size at which it will be shown in use (the letterbox), times
a random zoom. Frames are not mirrored as a matter of course: a mirrored sign has another meaning, so
mirroring forgets what signs say.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from perception.letterbox import PAD, Letterbox
from perception.tasks.batch import ANY_SIGN, UNKNOWN
from perception.training.data.sample import Boxes, Sample

Item = dict[
    str, Any
]  # image: tv Image RGB; maps: tv Mask (3, h, w); boxes: tv BoundingBoxes; label, sure, sign
MAPS = ("drivable", "line", "paint")
GRAINY = 0.15  # share of frames short of light
LEAST = 3.0  # pixels a side: a box smaller than this after cropping teaches nothing


def to_item(sample: Sample) -> Item:
    """A sample as tv_tensors. Maps are brought to the image's size; absent ones are UNKNOWN everywhere."""
    height, width = sample.image.shape[:2]
    maps = np.full((len(MAPS), height, width), UNKNOWN, np.uint8)
    for layer, name in zip(maps, MAPS, strict=True):
        truth = getattr(sample, name)
        if truth is not None:
            soft = name == "line" and not (truth == UNKNOWN).any()
            how = cv2.INTER_LINEAR if soft else cv2.INTER_NEAREST_EXACT
            layer[:] = cv2.resize(truth, (width, height), interpolation=how)
    boxes = sample.boxes or Boxes()
    image = np.ascontiguousarray(sample.image[..., ::-1].transpose(2, 0, 1))
    return {
        "image": tv_tensors.Image(torch.from_numpy(image)),
        "maps": tv_tensors.Mask(torch.from_numpy(maps)),
        "boxes": tv_tensors.BoundingBoxes(
            torch.from_numpy(boxes.xyxy), format="XYXY", canvas_size=(height, width)
        ),
        "label": torch.from_numpy(boxes.label),
        "sure": torch.from_numpy(boxes.sure),
        "sign": torch.from_numpy(boxes.sign),
    }


@dataclass(frozen=True)
class Place:
    """Zoom and crop to `size` (width, height); `deployed` is the input that frames fit into in use."""

    size: tuple[int, int]
    deployed: tuple[int, int]
    zoom: tuple[float, float] = (0.7, 1.5)
    stretch: float = 0.1

    def __call__(self, item: Item, rng: np.random.Generator) -> Item:
        height, width = item["image"].shape[-2:]
        box = Letterbox.fit((width, height), self.deployed)
        zoom = float(np.exp(rng.uniform(*np.log(self.zoom))))
        scale = box.scale * zoom * np.exp(rng.uniform(-self.stretch, self.stretch, 2) / 2)
        window = np.round(np.array(self.size) / scale).astype(int)  # what of the image the crop shows
        slack = np.array([width, height]) - window
        left, top = (int(rng.integers(min(0, s), max(0, s) + 1)) for s in slack)
        right, bottom = max(0, left + window[0] - width), max(0, top + window[1] - height)
        padding = [max(0, -left), max(0, -top), right, bottom]
        item = dict(item)
        for name, fill in (("image", PAD), ("maps", UNKNOWN)):
            value = F.pad(item[name], padding, fill=fill) if any(padding) else item[name]
            region = (max(0, top), max(0, left), int(window[1]), int(window[0]))
            item[name] = F.resized_crop(value, *region, size=[self.size[1], self.size[0]], antialias=True)
        # torchvision would clip the boxes; how much of each is left must be known
        grown = np.tile(np.divide(self.size, window), 2).astype(np.float32)
        boxes = item["boxes"].as_subclass(Tensor) - torch.tensor([left, top, left, top])
        return _without_cut(item, boxes * torch.from_numpy(grown))


def _without_cut(item: Item, boxes: Tensor) -> Item:
    """Clip boxes to the image; drop what is gone, and be unsure of what little is left."""
    height, width = item["image"].shape[-2:]
    limit = torch.tensor([width, height, width, height])
    clipped = boxes.clamp(min=0).minimum(limit)
    side = clipped[:, 2:] - clipped[:, :2]
    share = side.prod(1) / (boxes[:, 2:] - boxes[:, :2]).prod(1).clamp(min=1e-6)
    keep = side.amin(1) >= 1
    sure = item["sure"] & (share > 0.25) & (side.amin(1) >= LEAST)
    rows = {name: item[name][keep] for name in ("label", "sign")}
    return {**item, **rows, "boxes": clipped[keep], "sure": sure[keep]}


def mirror(item: Item) -> Item:
    """Left to right. Signs lose their meaning and stay signs."""
    width = item["image"].shape[-1]
    flipped = {name: F.horizontal_flip(item[name]) for name in ("image", "maps")}
    x1, y1, x2, y2 = item["boxes"].unbind(1)
    boxes = torch.stack([width - x2, y1, width - x1, y2], 1)
    return {**item, **flipped, "boxes": boxes, "sign": torch.full_like(item["sign"], ANY_SIGN)}


def compressed(image: Tensor) -> Tensor:
    """(3, h, w) uint8 through JPEG of a quality of 30 to 80 (torchvision's own JPEG goes away)."""
    quality = int(torch.randint(30, 81, ()))
    pixels = np.ascontiguousarray(image.numpy().transpose(1, 2, 0)[..., ::-1])
    stored = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    seen = np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR))[..., ::-1].transpose(2, 0, 1)
    return tv_tensors.Image(torch.from_numpy(np.ascontiguousarray(seen)))


LIGHT = v2.Compose(
    [
        v2.RandomApply([v2.ColorJitter(brightness=0.5, contrast=0.4, saturation=0.5)], 0.8),
        v2.RandomApply([v2.ColorJitter(hue=0.04)], 0.15),
        v2.RandomGrayscale(0.03),
        v2.RandomApply([v2.GaussianBlur(5, (0.4, 1.6))], 0.12),
        v2.RandomApply([v2.Lambda(compressed)], 0.12),
    ]
)


def gamma_and_cast(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Exposure (a gamma) and colour of the light (a gain a channel), through one table a channel."""
    level = np.linspace(0, 1, 256) ** np.exp(rng.uniform(-0.5, 0.5))
    gains = np.exp(rng.normal(0, 0.06, 3))
    table = np.clip(255 * level[None] * gains[:, None], 0, 255).astype(np.uint8)
    pixels = image.numpy()
    return torch.from_numpy(np.stack([cv2.LUT(pixels[c], table[c]) for c in range(3)]))


@lru_cache(1)
def _grain() -> np.ndarray:
    """(2^21,) float32 of unit variance: drawing it anew for every image would take longer than the image."""
    return np.random.default_rng(0).normal(size=2**21).astype(np.float32)


def dim_and_grainy(image: Tensor, rng: np.random.Generator) -> Tensor:
    """(3, h, w) uint8 as a sensor short of light sees it: noise, and every third time near darkness."""
    light = rng.uniform(0.15, 0.6) if rng.random() < 0.33 else 1.0
    start = int(rng.integers(max(1, len(_grain()) - image.numel())))
    grain = np.resize(_grain()[start : start + image.numel()], tuple(image.shape))
    pixels = image.numpy() * np.float32(light) + grain * np.float32(rng.uniform(2, 9))
    return torch.from_numpy(np.clip(pixels, 0, 255).astype(np.uint8))


def augment(sample: Sample, place: Place, rng: np.random.Generator) -> Item:
    """One training item: placed, perhaps mirrored, under another light."""
    item = place(to_item(sample), rng)
    if rng.random() < 0.5:
        item = mirror(item)
    image = item["image"]
    if rng.random() < 0.5:
        image = tv_tensors.Image(gamma_and_cast(image.as_subclass(Tensor), rng))
    image = LIGHT(image)
    if rng.random() < GRAINY:
        image = tv_tensors.Image(dim_and_grainy(image.as_subclass(Tensor), rng))
    return {**item, "image": image}


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


def relight(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Contrast, brightness, gamma and colour cast of a small image, and sensor noise."""
    level = np.linspace(0, 1, 256) ** np.exp(rng.uniform(-0.5, 0.5))
    level = (level - 0.5) * np.exp(rng.uniform(-0.5, 0.3)) + 0.5 + rng.uniform(-0.12, 0.12)
    table = np.clip(255 * level[:, None] * np.exp(rng.normal(0, 0.08, 3)), 0, 255).astype(np.uint8)
    lit = cv2.LUT(image, table[None])
    if rng.random() < 0.3:
        lit = np.clip(lit + rng.normal(0, rng.uniform(2, 10), lit.shape), 0, 255).astype(np.uint8)
    return np.asarray(lit)
