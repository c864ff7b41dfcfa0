"""Grid cells to boxes: the run-time half of detection."""

from __future__ import annotations

import numpy as np

from perception.errors import FrameError
from perception.kernels import cpu
from perception.kernels.reference import sigmoid
from perception.letterbox import Letterbox
from perception.types import Detections, RawOutputs

STRIDES = (8, 16, 32)
MAX_CANDIDATES = 1000  # best first; bounds the time of a frame full of objects
SMALLEST = 1.0  # image pixels: a box with a shorter side is clipped away or an accident


def decode(
    raw: RawOutputs, box: Letterbox, thresholds: np.ndarray, nms_iou: float, max_objects: int
) -> Detections:
    """Objects in image pixels, best first, from logits and log distances at three strides.

    `thresholds` (classes,) float32 are logits. Raises FrameError for another number of classes.
    """
    xyxy, logits, class_id = _candidates(raw, thresholds)
    best = np.argsort(-logits, kind="stable")[:MAX_CANDIDATES]
    best = best[cpu.nms(xyxy[best], class_id[best], nms_iou)]
    found = Detections(box.boxes_to_image(xyxy[best]), sigmoid(logits[best]), class_id[best])
    sides = found.xyxy[:, 2:] - found.xyxy[:, :2]
    return found[np.flatnonzero((sides >= SMALLEST).all(axis=1))[:max_objects]]


def _candidates(raw: RawOutputs, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of all levels, finest first: boxes (n, 4) in network pixels, logits (n,), class ids (n,)."""
    levels = []
    for stride in STRIDES:
        scores, boxes = raw[f"detection.scores{stride}"][0], raw[f"detection.boxes{stride}"][0]
        if len(scores) != len(thresholds) or len(boxes) != 4:
            raise FrameError(
                f"expected {len(thresholds)} score and 4 box channels at stride {stride}, got {len(scores)} "
                f"and {len(boxes)}: use the model.json that was exported with this network"
            )
        levels.append(cpu.candidates(scores, boxes, thresholds, stride))
    xyxy, logits, class_id = (np.concatenate(part) for part in zip(*levels, strict=True))
    return xyxy, logits, class_id
