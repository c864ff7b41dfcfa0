"""What is explained: one find of a frame, as a number that the network's outputs give.

`score`, 0 to 1, says how much of the find the outputs still hold; gradients are taken of `evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from perception.convention import STRIDES
from perception.types import RawOutputs

Outputs = Mapping[str, Tensor]  # with a batch axis of one
LEAST = 1e-6  # overlap: below, its logarithm says nothing more


class Target(Protocol):
    def score(self, outputs: Outputs) -> Tensor:
        """Scalar, 0 to 1."""

    def evidence(self, outputs: Outputs) -> Tensor:
        """Scalar, differentiable; grows with the score and does not saturate."""


def score_of(target: Target, raw: RawOutputs) -> float:
    """Of what a backend gives."""
    return float(target.score({name: torch.from_numpy(value) for name, value in raw.items()}))


@dataclass(frozen=True, eq=False)
class BoxTarget:
    """An object: the best product of class probability and IoU with its box, over all cells and strides.

    The similarity of D-RISE (Petsiuk et al. 2021) with the probability of one class in place of a cosine.
    """

    xyxy: tuple[float, float, float, float]  # network pixels
    class_id: int

    def score(self, outputs: Outputs) -> Tensor:
        logits, overlap = self._cells(outputs)
        return (logits.sigmoid() * overlap).max()

    def evidence(self, outputs: Outputs) -> Tensor:
        logits, overlap = self._cells(outputs)
        best = (logits.sigmoid() * overlap).argmax()
        return logits[best] + overlap[best].clamp(min=LEAST).log()

    def _cells(self, outputs: Outputs) -> tuple[Tensor, Tensor]:
        """Logit of the class and IoU with the box, (n,), of all cells."""
        levels = [self._level(outputs, stride) for stride in STRIDES]
        logits, overlaps = zip(*levels, strict=True)
        return torch.cat(logits), torch.cat(overlaps)

    def _level(self, outputs: Outputs, stride: int) -> tuple[Tensor, Tensor]:
        logits = outputs[f"detection.scores{stride}"][0, self.class_id]
        left, top, right, bottom = outputs[f"detection.boxes{stride}"][0].exp() * stride
        y, x = ((torch.arange(n) + 0.5) * stride for n in logits.shape)
        x1, y1, x2, y2 = self.xyxy
        width = (x + right).clamp(max=x2) - (x - left).clamp(min=x1)
        height = (y[:, None] + bottom).clamp(max=y2) - (y[:, None] - top).clamp(min=y1)
        common = width.clamp(min=0) * height.clamp(min=0)
        union = (left + right) * (top + bottom) + (x2 - x1) * (y2 - y1) - common
        return logits.flatten(), (common / union).flatten()


@dataclass(frozen=True, eq=False)
class LineTarget:
    """A lane line or road edge: the mean probability of the cells of a map that it runs through."""

    output: str  # of the network
    maps: int  # that the output holds; the first is meant
    rows: Tensor  # (n,) int64, of the map
    columns: Tensor

    def score(self, outputs: Outputs) -> Tensor:
        return self._cells(outputs).sigmoid().mean()

    def evidence(self, outputs: Outputs) -> Tensor:
        return self._cells(outputs).mean()

    def _cells(self, outputs: Outputs) -> Tensor:
        parts = outputs[self.output]
        factor = round((parts.shape[1] / self.maps) ** 0.5)
        cells = F.pixel_shuffle(parts[:, : factor**2], factor)[0, 0]
        return cells[self.rows, self.columns]


@dataclass(frozen=True, eq=False)
class SignTarget:
    """What a sign says: the probability of its class, given its crop."""

    class_id: int

    def score(self, outputs: Outputs) -> Tensor:
        return outputs["signs.logits"][0].softmax(0)[self.class_id]

    def evidence(self, outputs: Outputs) -> Tensor:
        """The log odds: what speaks for this class and not for all others as well."""
        logits = outputs["signs.logits"][0]
        others = torch.arange(len(logits)) != self.class_id
        return logits[self.class_id] - logits[others].logsumexp(0)
