"""A frame to explanations: see, list what was found, take gradients."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from perception.bundle import MAIN
from perception.explain import faithful
from perception.explain.faithful import Areas
from perception.explain.finds import Find, finds_of
from perception.explain.saliency import Method, gradient_activation, saliency
from perception.explain.targets import Outputs, score_of
from perception.kernels import cpu
from perception.letterbox import Letterbox
from perception.model.network import normalise
from perception.model.specs import CROPS
from perception.model.stored import Stored
from perception.pipeline import Pipeline
from perception.types import Frame, RawOutputs, Scene

STAGE = 1  # of the encoder, at stride 8: what is looked at for frames
CROP_LAYER = "0"  # of the tower that reads sign crops, likewise at stride 8
CROP = 64  # pixels a side
CROP_MARGIN = 1.2  # side of a crop to the longer side of its box


@dataclass(frozen=True, eq=False)
class Explanation:
    find: Find
    image: np.ndarray  # (h, w, 3) uint8: the input of its network
    saliency: np.ndarray  # (h, w) of that input, sum 1


@dataclass(frozen=True, eq=False)
class Explained:
    """A frame, what was seen in it and why."""

    frame: Frame
    scene: Scene
    box: Letterbox
    found: tuple[Explanation, ...]

    def heat(self, one: Explanation) -> np.ndarray:
        """(H, W) float32 over the frame's image, of the sum 1 within it."""
        width, height = self.frame.size
        if one.find.network == MAIN:
            inside = self.box.inside(one.saliency)
            heat = cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR)
        else:
            heat = cv2.warpAffine(one.saliency, _from_crop(one.find), (width, height), flags=cv2.INTER_LINEAR)
        return heat / max(float(heat.sum()), 1e-12)

    def inside(self, one: Explanation) -> float:
        """Share of the heat in the box around a find."""
        (x1, y1), (x2, y2) = np.floor(one.find.xyxy[:2]), np.ceil(one.find.xyxy[2:])
        return float(self.heat(one)[int(y1) : int(y2), int(x1) : int(x2)].sum())


class Explainer:
    """Of one pipeline and the float networks of its bundle."""

    def __init__(self, pipeline: Pipeline, networks: Stored, tasks: Sequence[str]) -> None:
        """`tasks`: whose finds are explained, of `finds.FINDS`; the pipeline runs them."""
        self.pipeline, self.networks = pipeline, networks
        self.classes = {task.name: task.classes for task in pipeline.tasks if task.name in tasks}

    def __call__(
        self, frame: Frame, most: int | None = None, method: Method = gradient_activation
    ) -> Explained:
        """`most`: finds of each task that are explained. Raises FrameError."""
        scene = self.pipeline(frame)
        return self.of(frame, scene, finds_of(scene, self.box(frame), self.classes, most), method)

    def box(self, frame: Frame) -> Letterbox:
        return Letterbox.fit(frame.size, self.pipeline.size_for(frame.size))

    def of(
        self, frame: Frame, scene: Scene, finds: Sequence[Find], method: Method = gradient_activation
    ) -> Explained:
        """Some finds of a frame."""
        box = self.box(frame)
        seen = self.input(frame, box)
        maps = self._maps(seen, [find for find in finds if find.network == MAIN], method)
        found = [
            Explanation(find, seen, maps[find]) if find in maps else self._crop(frame, find, method)
            for find in finds
        ]
        return Explained(frame, scene, box, tuple(found))

    def _maps(self, seen: np.ndarray, finds: Sequence[Find], method: Method) -> dict[Find, np.ndarray]:
        """Of finds in frames: one forward pass for all tasks that share the layer, one backward for each."""
        by_layer: dict[nn.Module, list[Find]] = {}
        for find in finds:
            by_layer.setdefault(self._layer(find.task), []).append(find)
        maps: dict[Find, np.ndarray] = {}
        for layer, own in by_layer.items():
            forward = partial(_of_frames, self.networks, {find.task for find in own})
            targets = [find.target for find in own]
            maps |= zip(own, saliency(forward, layer, tensor_of(seen), targets, method), strict=True)
        return maps

    def input(self, frame: Frame, box: Letterbox) -> np.ndarray:
        """(h, w, 3) uint8: the frame as the network sees it."""
        seen: np.ndarray = self.pipeline.preprocess(frame.image, box)[0].copy()
        return seen

    def areas(self, one: Explanation) -> Areas:
        """Insertion and deletion on the network that runs in use."""
        return faithful.areas(
            lambda image: score_of(one.find.target, self.answer(one.find.network, image)),
            one.image,
            one.saliency,
        )

    def answer(self, network: str, image: np.ndarray) -> RawOutputs:
        """What the network in use says of one input (h, w, 3) uint8."""
        if network == MAIN:
            return self.pipeline.backend(image[None])
        reader = next(task for task in self.pipeline.tasks if task.name == CROPS)
        answer: RawOutputs = reader.network(image[None])  # type: ignore[attr-defined]
        return answer

    def _crop(self, frame: Frame, find: Find, method: Method) -> Explanation:
        assert self.networks.crops is not None
        crop = cpu.sign_crops(cpu.plain(frame.image), find.points.reshape(1, 4), CROP)[0]
        layer = self.networks.crops.tower.get_submodule(CROP_LAYER)
        forward = partial(_of_crops, self.networks)
        return Explanation(find, crop, saliency(forward, layer, tensor_of(crop), [find.target], method)[0])

    def _layer(self, task: str) -> nn.Module:
        return layer_of(cast(nn.Module, self.networks.frames.network.trunk), task)


def layer_of(trunk: nn.Module, task: str) -> nn.Module:
    """The last block of STAGE on the way to a task's head, whatever the tasks share."""
    depth = cast(int, getattr(trunk, "depth", STAGE + 1))
    if depth <= STAGE:  # the task's own part begins before it
        stages = trunk.own[task]  # type: ignore[index]
        return cast(nn.Module, stages[STAGE - depth][-1])
    own: Mapping[str, nn.Module] | None = getattr(trunk, "encoders", None)
    encoder = trunk.encoder if own is None else own[task]
    return cast(nn.Module, encoder.stages[STAGE][-1])  # type: ignore[index,union-attr]


def tensor_of(image: np.ndarray) -> Tensor:
    """(h, w, 3) uint8 to (1, 3, h, w), normalised."""
    return normalise(torch.from_numpy(image.transpose(2, 0, 1)[None].copy()))


def _of_frames(networks: Stored, tasks: Collection[str], images: Tensor) -> Outputs:
    outputs: Outputs = networks.frames.network(images, tasks)
    return outputs


def _of_crops(networks: Stored, crops: Tensor) -> Outputs:
    assert networks.crops is not None
    return {"signs.logits": networks.crops(crops)}


def _from_crop(find: Find) -> np.ndarray:
    """(2, 3) from the pixels of a sign's crop to those of the image (`kernels.reference.sign_crops`)."""
    x1, y1, x2, y2 = find.xyxy
    side = CROP_MARGIN * max(x2 - x1, y2 - y1, 1)
    step, shift = side / CROP, (side / CROP - 1) / 2
    left, top = (x1 + x2) / 2 - side / 2, (y1 + y2) / 2 - side / 2
    return np.array([[step, 0, left + shift], [0, step, top + shift]])
