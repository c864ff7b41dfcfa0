"""Grid cells to boxes: the run-time half of detection."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from perception.convention import STRIDES
from perception.errors import FrameError
from perception.kernels import cpu
from perception.letterbox import Letterbox
from perception.types import Detections, RawOutputs

MAX_CANDIDATES = 1000  # best first; bounds the time of a frame full of objects
SMALLEST = 1.0  # image pixels: a box with a shorter side is clipped away or an accident


def decode(
    raw: RawOutputs, box: Letterbox, thresholds: np.ndarray, nms_iou: float, max_objects: int
) -> Detections:
    """Objects in image pixels, best first, from logits and log distances at three strides.

    `thresholds` (classes,) float32 are logits. Raises FrameError for another number of classes.
    """
    scores = tuple(raw[f"detection.scores{stride}"][0] for stride in STRIDES)
    boxes = tuple(raw[f"detection.boxes{stride}"][0] for stride in STRIDES)
    _check_channels(scores, boxes, len(thresholds))
    found = cpu.all_candidates(scores, boxes, thresholds, STRIDES, MAX_CANDIDATES)
    return Detections(*cpu.objects(found, nms_iou, _to_image(box), SMALLEST, max_objects))


def decoded(objects: np.ndarray) -> Detections:
    """Rows (x1, y1, x2, y2, score, class) of a backend that has done the above itself."""
    xyxy, score, class_id = objects[:, :4], objects[:, 4], objects[:, 5]
    return Detections(xyxy.copy(), score.copy(), class_id.astype(np.int32))


def _check_channels(scores: tuple[np.ndarray, ...], boxes: tuple[np.ndarray, ...], classes: int) -> None:
    for stride, s, b in zip(STRIDES, scores, boxes, strict=True):
        if len(s) != classes or len(b) != 4:
            raise FrameError(
                f"expected {classes} score and 4 box channels at stride {stride}, got {len(s)} "
                f"and {len(b)}: use the model.json that was exported with this network"
            )


@lru_cache(8)
def _to_image(box: Letterbox) -> np.ndarray:
    """(3, 2) float64: offset, scale and image size."""
    return np.array((box.offset, box.scale, box.image), np.float64)
