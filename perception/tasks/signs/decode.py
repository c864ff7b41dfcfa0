"""What the signs say: the run-time half of sign reading."""

from __future__ import annotations

import numpy as np

from perception.interfaces import Backend
from perception.kernels import cpu
from perception.types import Signs

BATCH = 16  # crops a call: bounds the memory of a frame full of signs


def decode(image: np.ndarray, xyxy: np.ndarray, network: Backend, threshold: float) -> Signs:
    """Read the signs in boxes (n, 4), image pixels, of a BGR image; those below `threshold` are left out.

    The network takes crops (n, 64, 64, 3) and gives `signs.logits` (n, classes). It is not called for none.
    """
    class_id, score = np.empty(len(xyxy), np.int32), np.empty(len(xyxy), np.float32)
    for first in range(0, len(xyxy), BATCH):
        rows = slice(first, first + BATCH)
        logits = network(cpu.sign_crops(image, xyxy[rows], network.input_size[0]))["signs.logits"]
        class_id[rows] = logits.argmax(axis=1)
        score[rows] = 1 / np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)  # softmax at it
    sure = score >= threshold
    return Signs(xyxy[sure], class_id[sure], score[sure])
