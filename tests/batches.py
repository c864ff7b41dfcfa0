"""Small training batches with truth for every task, from a seed."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from perception.model.network import Network
from perception.tasks.batch import ANY_SIGN, MAPS, UNKNOWN, Batch
from perception.tasks.detection import CLASSES

SIZE = (96, 64)  # (width, height)
SIGN = CLASSES.index("traffic_sign")
NO_CROPS = {"crops": torch.zeros(0, 3, 64, 64, dtype=torch.uint8), "crop_signs": torch.zeros(0).long()}
NO_BOXES = {"has_boxes": torch.zeros(2, dtype=torch.bool), "valid": torch.zeros(2, 2, dtype=torch.bool)}


def smooth(count: int, size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """(count, h, w, 3) uint8 pictures without sharp edges."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 6, 8, 3)).astype(np.uint8)
    return np.stack([cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) for image in coarse])


def make_batch(seed: int = 0) -> Batch:
    """Two frames of `SIZE` and three sign crops: in each frame a vehicle and a sign that means 14."""
    rng = np.random.default_rng(seed)
    maps = rng.integers(0, UNKNOWN, (2, len(MAPS), SIZE[1] // 2, SIZE[0] // 2), np.uint8)
    boxes = [[[10.0, 20, 58, 60], [62, 5, 82, 27]], [[31, 9, 90, 50], [3, 4, 21, 20]]]
    return Batch(
        images=torch.from_numpy(smooth(2, SIZE, seed).transpose(0, 3, 1, 2).copy()),
        maps=torch.from_numpy(maps),
        boxes=torch.tensor(boxes),
        labels=torch.tensor([[0, SIGN], [0, SIGN]]),
        sure=torch.ones(2, 2, dtype=torch.bool),
        valid=torch.ones(2, 2, dtype=torch.bool),
        signs=torch.tensor([[ANY_SIGN, 14], [ANY_SIGN, 14]]),
        negative_weight=torch.ones(2, len(CLASSES)),
        has_boxes=torch.ones(2, dtype=torch.bool),
        crops=torch.from_numpy(smooth(3, (64, 64), seed).transpose(0, 3, 1, 2).copy()),
        crop_signs=torch.tensor([14, 3, 40]),
    )


def known_maps(batch: Batch, *names: str) -> torch.Tensor:
    """The batch's maps, UNKNOWN but for those named."""
    maps = torch.full_like(batch.maps, UNKNOWN)
    for name in names:
        layer = MAPS.index(name)
        maps[:, layer] = batch.maps[:, layer]
    return maps


def trained(seed: int = 0) -> Network:
    """A network as if it had been trained: batch norms with statistics, heads that say something."""
    torch.manual_seed(seed)
    network = Network()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.7, 1.3)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    for conv in (*network.heads["detection"].scores, *network.heads["detection"].boxes):
        torch.nn.init.normal_(conv.weight, 0, 0.02)
    return network.eval()
