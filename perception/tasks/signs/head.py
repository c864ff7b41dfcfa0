"""Reading signs, two ways.

`SignHead` looks again, at a native-resolution crop of each detected sign, through the encoder's own
first stages: the same convolutions, with batch norms for the crops' own statistics, and a small head.
`SignHeadOnGrid` reads the class off the detection grid in the same pass as everything else; a sign is
often 15 pixels wide there. It is kept to be compared with (docs/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from perception.convention import STRIDES
from perception.model.blocks import RepConv
from perception.model.encoder import Encoder
from perception.tasks.signs import CLASSES


class SignHead(nn.Module):
    def __init__(self, encoder: Encoder, classes: int = len(CLASSES)) -> None:
        super().__init__()
        width = encoder.widths[1]
        self.norms = encoder.front_norms()
        self.tower = nn.Sequential(RepConv(width, width), RepConv(width, 96, 2))
        self.classify = nn.Sequential(nn.Dropout(0.2), nn.Linear(96 * 16, classes))

    def forward(self, encoder: Encoder, crops: Tensor) -> Tensor:
        """Normalised crops (n, 3, 64, 64) to logits (n, classes)."""
        x = self.tower(encoder.front(crops, self.norms))
        logits: Tensor = self.classify(x.flatten(1))
        return logits


class SignHeadOnGrid(nn.Module):
    def __init__(self, widths: Sequence[int], classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.towers = nn.ModuleList([RepConv(w, w) for w in widths])
        self.classify = nn.ModuleList([nn.Conv2d(w, classes, 1) for w in widths])

    def forward(self, levels: Sequence[Tensor]) -> dict[str, Tensor]:
        """Pyramid levels to `logits8` (b, classes, h, w), … for each stride."""
        triples = zip(STRIDES, self.towers, self.classify, levels, strict=True)
        return {f"logits{stride}": classify(tower(x)) for stride, tower, classify, x in triples}
