"""Cross-stitch networks (Misra et al. 2016): an encoder for each task, whose features mix after every stage.

x_t' = sum_s a_ts x_s with learnt a, one matrix a stage, begun near the identity.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from perception.model.encoder import Encoder
from perception.model.shape import DEFAULT, Shape
from perception.model.sharing.trunk import Trunk, encoders, necks

OWN = 0.9  # share of a task's own features at the start


class CrossStitch(Trunk):
    """Sign crops are read by the first frame task's encoder."""

    def __init__(
        self, tasks: Collection[str], crop_tasks: Collection[str] = (), shape: Shape = DEFAULT
    ) -> None:
        super().__init__(shape)
        self.encoders = encoders(tasks or crop_tasks, shape)
        self.necks = necks(tasks, shape)
        count = len(self.encoders)
        start = torch.full((count, count), (1 - OWN) / max(1, count - 1)).fill_diagonal_(
            OWN if count > 1 else 1
        )
        self.stitches = nn.ParameterList([nn.Parameter(start.clone()) for _ in self.encoder.widths])

    @property
    def encoder(self) -> Encoder:  # type: ignore[override]
        return cast(Encoder, next(iter(self.encoders.values())))

    def forward(self, images: Tensor, tasks: Collection[str]) -> Mapping[str, list[Tensor]]:
        """All encoders run, whichever tasks are asked for: each feeds the others."""
        nets = [cast(Encoder, encoder) for encoder in self.encoders.values()]
        streams = [net.stem(images) for net in nets]
        features: list[list[Tensor]] = [[] for _ in streams]
        for k, stitch in enumerate(self.stitches):
            streams = [net.stage(k, x) for net, x in zip(nets, streams, strict=True)]
            streams = [
                torch.stack([a * x for a, x in zip(row, streams, strict=True)]).sum(0) for row in stitch
            ]
            for kept, x in zip(features, streams, strict=True):
                kept.append(x)
        found = dict(zip(self.encoders, features, strict=True))
        return {task: self.necks[task](found[task]) for task in tasks}
