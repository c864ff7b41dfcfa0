"""What the signs say: the run-time half of sign reading."""

from __future__ import annotations

import numpy as np

from perception.interfaces import Backend
from perception.kernels import cpu
from perception.types import Signs

LOGITS = "signs.logits"
BATCH = 16  # crops a call: bounds the memory of a frame full of signs


def decode(image: np.ndarray, xyxy: np.ndarray, network: Backend, threshold: float) -> Signs:
    """Read the signs in boxes (n, 4), image pixels, of a BGR image; those below `threshold` are left out.

    The network takes crops (n, 64, 64, 3) and gives LOGITS (n, classes). It is not called for none.
    """
    if not len(xyxy):
        return Signs(xyxy, np.empty(0, np.int32), np.empty(0, np.float32))
    logits = []
    for first in range(0, len(xyxy), BATCH):
        image = cpu.plain(image)
        crops = cpu.sign_crops(image, xyxy[first : first + BATCH], network.input_size[0])
        logits.append(network(crops)[LOGITS].copy())
    return decoded(xyxy, np.concatenate(logits), threshold)


def decoded(xyxy: np.ndarray, logits: np.ndarray, threshold: float) -> Signs:
    """The signs in boxes (n, 4) whose crops gave `logits` (n, classes)."""
    class_id = logits.argmax(axis=1).astype(np.int32)
    score = 1 / np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)  # softmax at it
    sure = score >= threshold
    return Signs(xyxy[sure], class_id[sure], score[sure])
