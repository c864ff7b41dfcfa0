"""How far objects can be trusted, by the scores of the frame."""

from __future__ import annotations

import numpy as np

from perception.convention import STRIDES
from perception.kernels.expected import doubtful
from perception.kernels.reference import logit
from perception.types import Detections, RawOutputs

LEAST = logit(0.3)  # what is below it is hardly ever an object


def confidence(raw: RawOutputs, found: Detections, thresholds: np.ndarray) -> float:
    """The F1 that the scores promise: those of the objects are the true ones among them, and with them, what
    just missed its threshold (`thresholds` (classes,), logits) is what there is to find.

    Twice the true ones, divided by those that were found and those that there are: the soft Dice confidence
    of Borges et al. 2024 (arXiv:2402.10665), of objects.
    """
    scores = tuple(raw[f"detection.scores{stride}"][0] for stride in STRIDES)
    right = float(found.score.sum())
    return 2 * right / (len(found) + right + doubtful(scores, thresholds, LEAST))
