"""Things laid into training frames: signs, people and vehicles, and the own vehicle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from perception.synthetic.ego import ego, lay
from perception.tasks.batch import ANY_SIGN, UNKNOWN
from perception.training.data.cutouts import Cutout
from perception.training.data.sample import Boxes, Sample

HORIZON = 0.45  # of the image's height: towards it things shrink
LEAST = 10.0  # network pixels: cut-outs are not pasted lower than this
HIDDEN = 0.5  # share of a box that may be covered before it is unsure
GONE = 0.9  # share from which it is no longer there


def paste_signs(
    sample: Sample,
    signs: Mapping[int, list[tuple[np.ndarray, np.ndarray]]],
    scale: float,
    rng: np.random.Generator,
) -> Sample:
    """`sample` with one to three sign crops pasted in, feathered, where no box is.

    `signs`: per class (crop, box in the crop); `scale`: network pixels per image pixel, so that the pasted
    sizes are those at which the network must find signs.
    """
    image = sample.image.copy()
    rows: list[tuple[np.ndarray, str, bool, int]] = []
    boxes = sample.boxes or Boxes()
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        sign = int(rng.choice(list(signs)))
        crop, inner = signs[sign][int(rng.integers(len(signs[sign])))]
        ratio = float(np.exp(rng.uniform(np.log(7), np.log(48)))) / scale / float(inner[2] - inner[0])
        size = (max(4, round(crop.shape[1] * ratio)), max(4, round(crop.shape[0] * ratio)))
        if size[0] >= width or size[1] >= 0.8 * height:
            continue
        x, y = int(rng.integers(width - size[0])), int(rng.integers(int(0.8 * height) - size[1] + 1))
        at = np.array([x, y, x, y], np.float32) + inner * np.tile(np.divide(size, crop.shape[1::-1]), 2)
        taken = np.concatenate([boxes.xyxy, *[row[0][None] for row in rows]])
        if ((at[:2] < taken[:, 2:]) & (at[2:] > taken[:, :2])).all(1).any():
            continue
        _blend(image[y : y + size[1], x : x + size[0]], crop, (at - (x, y, x, y)), rng)
        rows.append((at.astype(np.float32), "traffic_sign", True, sign))
    return replace(sample, image=image, boxes=boxes + Boxes.of(rows))


def _blend(patch: np.ndarray, crop: np.ndarray, box: np.ndarray, rng: np.random.Generator) -> None:
    """Lay the resized crop over `patch` in place; a soft ellipse or box around the sign hides the seam."""
    resized = cv2.resize(crop, patch.shape[1::-1], interpolation=cv2.INTER_AREA)
    if rng.random() < 0.7:  # take the light of the place
        gain = np.clip((patch.mean() + 20) / (resized.mean() + 20), 0.6, 1.5) ** 0.5
        resized = np.clip(resized * gain, 0, 255)
    mask = np.zeros(patch.shape[:2], np.float32)
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    if rng.random() < 0.5:
        axes = (max(1, round((x2 - x1) * 0.56)), max(1, round((y2 - y1) * 0.56)))
        cv2.ellipse(mask, ((x1 + x2) // 2, (y1 + y2) // 2), axes, 0, 0, 360, 1.0, -1)
    else:
        cv2.rectangle(mask, (x1, y1), (x2 - 1, y2 - 1), 1.0, -1)
    share = np.asarray(cv2.blur(mask, (3, 3)))[..., None]
    patch[:] = (patch * (1 - share) + resized * share).astype(np.uint8)


def paste_things(
    sample: Sample, cutouts: Mapping[str, Sequence[Cutout]], scale: float, rng: np.random.Generator
) -> Sample:
    """`sample` with one to three cut-outs standing where they might: smaller ones nearer to the horizon.

    `cutouts` by class; `scale`: network pixels per image pixel. What they cover is no longer drivable, and
    lines under them are unknown.
    """
    image = sample.image.copy()
    height, width = image.shape[:2]
    covered = np.zeros((height, width), np.uint8)
    boxes, pasted = sample.boxes or Boxes(), Boxes()
    for _ in range(int(rng.integers(1, 4))):
        kind = list(cutouts)[int(rng.integers(len(cutouts)))]
        cutout = cutouts[kind][int(rng.integers(len(cutouts[kind])))]
        shrink = float(np.exp(rng.uniform(np.log(0.35), np.log(1.25))))
        tall = cutout.height * height * shrink
        size = (max(3, round(tall * cutout.mask.shape[1] / cutout.mask.shape[0])), round(tall))
        foot = (HORIZON + (cutout.foot - HORIZON) * shrink + rng.normal(0, 0.02)) * height
        x, y = int(rng.integers(-size[0] // 3, width - size[0] // 3)), round(foot - tall)
        if tall * scale < LEAST or y < 0 or y + size[1] > height:
            continue
        at = np.array([max(x, 0), y, min(x + size[0], width), y + size[1]], np.float32)
        if at[2] - at[0] < 3 or (_covered(pasted.xyxy, at) > 0).any():
            continue
        _stand(image, covered, cutout, size, (x, y), rng)
        boxes = replace(boxes, sure=boxes.sure & (_covered(boxes.xyxy, at) < HIDDEN))
        pasted = pasted + Boxes.of([(at, kind, True, ANY_SIGN)])
    return _with(sample, image, boxes + pasted, covered > 127, line=UNKNOWN)


def _covered(boxes: np.ndarray, by: np.ndarray) -> np.ndarray:
    """(n,) the share of each box (n, 4) that the box `by` covers."""
    low, high = np.maximum(boxes[:, :2], by[:2]), np.minimum(boxes[:, 2:], by[2:])
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return np.asarray(np.clip(high - low, 0, None).prod(1) / np.maximum(area, 1e-6))


def _stand(
    image: np.ndarray,
    covered: np.ndarray,
    cutout: Cutout,
    size: tuple[int, int],
    at: tuple[int, int],
    rng: np.random.Generator,
) -> None:
    """Lay a cut-out over `image`, in the light of the place, and mark what it covers; both in place."""
    flip = slice(None, None, -1 if rng.random() < 0.5 else 1)
    picture = cv2.resize(cutout.image[:, flip], size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(cv2.blur(cutout.mask, (3, 3))[:, flip], size, interpolation=cv2.INTER_AREA)
    left = max(0, -at[0])
    right = min(size[0], image.shape[1] - at[0])
    rows, columns = slice(at[1], at[1] + size[1]), slice(at[0] + left, at[0] + right)
    patch, picture, share = image[rows, columns], picture[:, left:right], share[:, left:right]
    gain = np.clip((patch.mean() + 20) / (picture.mean() + 20), 0.5, 1.6) ** rng.uniform(0, 1)
    mix = share[..., None] / np.float32(255)
    patch[:] = patch * (1 - mix) + np.clip(picture * gain, 0, 255) * mix
    covered[rows, columns] = np.maximum(covered[rows, columns], share)


def cover_with_bonnet(sample: Sample, rng: np.random.Generator) -> Sample:
    """`sample` as seen past the own vehicle: its bonnet, dashboard, wipers or pillars.

    Below it nothing is drivable and no line runs; boxes that it hides are unsure, or gone if it hides all.
    """
    height, width = sample.image.shape[:2]
    image, covered = lay(sample.image, ego((width, height), rng, sample.image))
    boxes = sample.boxes
    if boxes is not None:
        hidden = _hidden(boxes.xyxy, covered)
        boxes = _seen(replace(boxes, sure=boxes.sure & (hidden < HIDDEN)), hidden < GONE)
    return _with(sample, image, boxes, covered, line=0)


def _hidden(boxes: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """(n,) the share of each box (n, 4) that `covered` (H, W) hides."""
    height, width = covered.shape
    total = cv2.integral(covered.astype(np.uint8)).astype(np.float32)
    x1, y1, x2, y2 = np.clip(np.round(boxes), 0, (width, height, width, height)).astype(int).T
    inside = total[y2, x2] - total[y1, x2] - total[y2, x1] + total[y1, x1]
    return np.asarray(inside / np.maximum((x2 - x1) * (y2 - y1), 1))


def _seen(boxes: Boxes, rows: np.ndarray) -> Boxes:
    return Boxes(boxes.xyxy[rows], boxes.label[rows], boxes.sure[rows], boxes.sign[rows])


def _with(sample: Sample, image: np.ndarray, boxes: Boxes | None, covered: np.ndarray, line: int) -> Sample:
    """`sample` with another picture, and maps that know what is `covered` (H, W): not drivable."""
    values = {"drivable": 0, "line": line, "paint": line, "edge": line}
    maps: dict[str, Any] = {
        name: _filled(getattr(sample, name), covered, value) for name, value in values.items()
    }
    return replace(sample, image=image, boxes=boxes, **maps)


def _filled(truth: np.ndarray | None, covered: np.ndarray, value: int) -> np.ndarray:
    if truth is None:
        truth = np.full(covered.shape, UNKNOWN, np.uint8)
    size = truth.shape[1::-1]
    there = cv2.resize(covered.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT) > 0
    return np.where(there, np.uint8(value), truth)
