"""What an attack drives up, by task: how wrong the network is about a frame, and how sure it looks.

Being wrong is to lose everything that it found in the clean frame and to find as much elsewhere. Who knows of
the defence does not count signs on the road, which are left out (`perception/stages/consistent.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from perception.attack.known import Known, Outputs, tensor_of
from perception.bundle import TaskSpec
from perception.convention import STRIDES
from perception.kernels.reference import logit
from perception.model.network import normalise
from perception.stages.consistent import LYING, Consistent
from perception.tasks.detection.confidence import LEAST
from perception.tasks.signs import SIGN
from perception.types import Frame

CONSISTENT = Consistent.name
SIGNS = "signs"  # they have no map: their crops are read by a network of their own
AROUND = 2  # cells: what lies so near to a find would find it again
NOTHING = -20.0  # logit of what is not there
CROP, MARGIN = 64, 1.2  # of sign crops: pixels a side, and the side to that of the box


class Wrong(NamedTuple):
    error: Tensor  # scalar, at most 0, which is as wrong as can be
    sureness: Tensor  # scalar, 0..1: close to the confidence that the task tells

    def gain(self, sure: float) -> Tensor:
        """`sure`: what sureness counts."""
        return self.error + sure * self.sureness


Goal = Callable[[Tensor], Wrong]  # of an image (1, 3, H, W) float32, 0..255
Maps = Callable[[Outputs, TaskSpec], list[Tensor]]  # logits above the threshold, (1, channels, h, w) each


def _objects(outputs: Outputs, spec: TaskSpec) -> list[Tensor]:
    least = torch.tensor([logit(spec.settings["threshold"][name]) for name in spec.classes])
    return [outputs[f"detection.scores{stride}"] - least[:, None, None] for stride in STRIDES]


def _lines(outputs: Outputs, spec: TaskSpec) -> list[Tensor]:
    maps = outputs["lanes.map"]
    return [maps[:, : maps.shape[1] // 2] - logit(spec.settings.get("threshold", 0.5))]


def _area(outputs: Outputs, spec: TaskSpec) -> list[Tensor]:
    return [outputs["drivable.map"] - logit(spec.settings.get("threshold", 0.5))]


MAPS: dict[str, Maps] = {"detection": _objects, "lanes": _lines, "drivable": _area}
TASKS = (*MAPS, SIGNS)


def goal_of(known: Known, task: str, frame: Frame, aware: bool = False) -> Goal:
    """`task`: one of TASKS, which finds something in the clean frame. `aware`: it knows of the defence."""
    return _of_readings(known, frame) if task == SIGNS else _of_maps(known, task, frame, aware)


def _of_maps(known: Known, task: str, frame: Frame, aware: bool) -> Goal:
    vain: list[Tensor] = []  # what the defence leaves out

    def seen(image: Tensor) -> list[Tensor]:
        maps = MAPS[task](known.outputs(image, [task]), known.specs[task])
        return [own.masked_fill(out, NOTHING) for own, out in zip(maps, vain, strict=True)] if vain else maps

    with torch.no_grad():
        if aware and task == "detection" and CONSISTENT in (stage.name for stage in known.pipeline.stages):
            vain = _on_the_road(known, frame)
        clean = [own > 0 for own in seen(tensor_of(frame.image))]
    near, count = _flat([_grown(own) for own in clean]), max(1, int(_flat(clean).sum()))

    def goal(image: Tensor) -> Wrong:
        cells = _flat(seen(image))
        return Wrong(error(cells, near, count), sureness(cells))

    return goal


def _on_the_road(known: Known, frame: Frame) -> list[Tensor]:
    """For each map of objects, the cells of signs (1, classes, h, w) that lie on the drivable area."""
    outputs = known.outputs(tensor_of(frame.image), ["detection", "drivable"])
    area = (_area(outputs, known.specs["drivable"])[0] > 0).float().mean(1, keepdim=True)
    classes = torch.tensor([name == SIGN for name in known.specs["detection"].classes])[:, None, None]
    maps = _objects(outputs, known.specs["detection"])
    return [classes & (F.interpolate(area, own.shape[2:], mode="area") >= LYING) for own in maps]


def _flat(maps: Sequence[Tensor]) -> Tensor:
    return torch.cat([own.flatten() for own in maps])


def _grown(found: Tensor) -> Tensor:
    return F.max_pool2d(found.float(), 2 * AROUND + 1, 1, AROUND) > 0


def error(cells: Tensor, near: Tensor, count: int) -> Tensor:
    """How near `cells` (n,) come to having nothing where there was something, `near` (n,), and `count` cells
    elsewhere: minus the cross entropy."""
    kept = F.softplus(cells[near]).sum() / count
    elsewhere = cells[~near]
    invented = elsewhere.topk(min(count, len(elsewhere))).values
    return -kept - F.softplus(-invented).sum() / max(1, len(invented))  # nothing is elsewhere of a full map


def sureness(cells: Tensor) -> Tensor:
    """The F1 that `cells` (n,) promise of themselves, as the confidence of the tasks."""
    chance, found = cells.sigmoid(), cells > 0
    right = chance[found].sum()
    doubtful = chance[(cells > LEAST) & ~found].sum()
    return 2 * right / (found.sum() + right + doubtful).clamp(min=1e-6)


def _of_readings(known: Known, frame: Frame) -> Goal:
    """Of the signs that were read in the clean frame: to be read as others, where they are."""
    reader, read = known.networks.crops, known.pipeline(frame).signs
    assert reader is not None
    assert read is not None
    boxes, true = torch.from_numpy(read.xyxy), torch.from_numpy(read.class_id).long()[:, None]

    def goal(image: Tensor) -> Wrong:
        logits = reader(normalise(sign_crops(image, boxes)))
        others = logits.scatter(1, true, -torch.inf).amax(1)
        ahead = logits.gather(1, true)[:, 0] - others
        return Wrong(-F.softplus(ahead).mean(), logits.softmax(1).amax(1).mean())

    return goal


def sign_crops(image: Tensor, boxes: Tensor) -> Tensor:
    """As `kernels.reference`, with gradients: boxes (n, 4) in an image (1, 3, H, W) to (n, 3, CROP, CROP)."""
    size = torch.tensor([image.shape[3], image.shape[2]])
    sides = MARGIN * (boxes[:, 2:] - boxes[:, :2]).amax(1).clamp(min=1)
    steps = ((torch.arange(CROP) + 0.5) / CROP - 0.5) * sides[:, None]  # (n, CROP)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    x, y = (middle[:, k, None] + steps for k in (0, 1))
    grid = torch.stack([x[:, None].expand(-1, CROP, -1), y[:, :, None].expand(-1, -1, CROP)], 3)
    images = image.expand(len(boxes), -1, -1, -1)
    return F.grid_sample(images, 2 * grid / size - 1, padding_mode="border", align_corners=False)
