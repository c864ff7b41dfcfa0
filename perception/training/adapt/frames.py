"""The few labelled frames to adapt by: read once, of one camera, no two alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import overload

import cv2
import numpy as np

from perception.bundle import ModelSpec
from perception.errors import DataError
from perception.labels.boxes import UNSURE
from perception.labels.rows import counted
from perception.labels.vocabulary import Vocabulary
from perception.model.specs import FRAME_TASKS
from perception.tasks.detection import CLASSES
from perception.training.data import foreign
from perception.training.data.foreign import Pictures, Told
from perception.training.data.sample import Sample
from perception.types import Size

THUMBNAIL = (32, 18)  # (width, height) at which frames are compared
ALIKE = 1.0  # mean difference of two frames that are one, of 255
FEW = 10  # boxes: a class that is shown less often is neither learnt nor unlearnt
STRETCH = 0.03  # relative difference of aspect ratios within one camera


@dataclass(frozen=True, eq=False)
class Labelled:
    pictures: tuple[Pictures, ...]
    tasks: tuple[str, ...]  # that they label, of those that see frames
    images: tuple[np.ndarray, ...]  # (h, w, 3) uint8 BGR each
    warnings: tuple[str, ...]  # for people

    def samples(self, some: Sequence[Told]) -> list[Sequence[Sample]]:
        """Those of `some` to learn from, part by part, without classes that are rare in all of `told`."""
        frequent = frozenset(name for name, count in _seen(self.told).items() if count >= FEW)
        among = {id(told) for told in some}
        parts = [replace(p, told=tuple(told for told in p.told if id(told) in among)) for p in self.pictures]
        return [Frequent(part, frequent) for part in parts if part.told]

    @property
    def told(self) -> list[Told]:
        return [told for part in self.pictures for told in part.told]

    @property
    def sizes(self) -> list[Size]:
        return [(image.shape[1], image.shape[0]) for image in self.images]


@dataclass(frozen=True)
class Frequent(Sequence[Sample]):
    """Pictures that teach only some classes of objects: ten frames without a cyclist say little of them."""

    pictures: Pictures
    classes: frozenset[str]

    def __len__(self) -> int:
        return len(self.pictures)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        sample = self.pictures[index]
        if sample.boxes is None or sample.negative_weight is None:
            return sample
        taught = np.array([name in self.classes for name in self.pictures.vocabulary.object_ids])
        boxes = replace(sample.boxes, sure=sample.boxes.sure & taught[sample.boxes.label])
        return replace(sample, boxes=boxes, negative_weight=sample.negative_weight * taught)


def labelled(data: Sequence[str], spec: ModelSpec) -> Labelled:
    """What `--data` names, as `perception train` takes it. Every frame and label is read.

    Raises DataError: no frames, one frame only, labels of no class of the bundle or for another size, too few
    boxes and no other labels.
    """
    words = Vocabulary.of_bundle(spec)
    folder, others = foreign.sort(data)
    parts = [foreign.read(text, words) for text in others]
    if folder is not None:
        parts = [*foreign.own_sets(folder.resolve(), (), words), *parts]
    told = [one for part in parts for one in part.told]
    if not told:
        raise DataError(
            f"--data {' '.join(data)}: expected labelled frames, got none of the split `train`, "
            "which is learnt from. Check the path and the split"
        )
    tasks = tuple(task for task in FRAME_TASKS if task in spec.tasks and any(_labels(t, task) for t in told))
    if not tasks:
        raise DataError(
            f"--data {' '.join(data)}: expected labels of {', '.join(FRAME_TASKS)}, got none that the bundle "
            "knows. Label its classes, or train a bundle with yours: perception train"
        )
    rare = _rare(told, spec) if "detection" in tasks else ""
    tasks = tuple(task for task in tasks if task != "detection" or not rare)
    if not tasks:
        raise DataError(
            f"--data {' '.join(data)}: expected {FEW} boxes of a class, got {rare}. Label more frames"
        )
    frames = [one.read(k) for k, one in enumerate(told)]
    for frame, truth in frames:
        truth.check_size(frame)
    images = tuple(frame.image for frame, _ in frames)
    names = [one.image.name for one in told]
    warnings = [remark for part in parts for remark in part.remarks]
    warnings += [f"expected {FEW} boxes of a class, got {rare}: objects are not learnt"] if rare else []
    return Labelled(tuple(parts), tasks, images, (*warnings, *repeated(images, names)))


def _rare(told: Sequence[Told], spec: ModelSpec) -> str:
    """The boxes, if no class has enough of them and rendered scenes show none; else nothing."""
    seen = _seen(told)
    taught = max(seen.values(), default=0) >= FEW or set(spec.tasks["detection"].classes) & set(CLASSES)
    return "" if taught else counted(seen) or "none"


def _seen(told: Sequence[Told]) -> Counter[str]:
    """Class -> sure boxes."""
    boxes = [box for one in told if one.boxes is not None for box in one.boxes.boxes]
    return Counter(box.name for box in boxes if box.extra != UNSURE)


def _labels(told: Told, task: str) -> bool:
    """Boxes without a class of the bundle say nothing."""
    if task == "detection":
        return told.boxes is not None and bool(told.boxes.labelled or told.boxes.boxes)
    return task in told.tasks


def repeated(images: Sequence[np.ndarray], names: Sequence[str]) -> list[str]:
    """A warning for each frame that is one before it. Raises DataError if all of them are one."""
    small = [_thumbnail(image) for image in images]
    first = [
        next(j for j in range(k + 1) if np.abs(small[k] - small[j]).mean() < ALIKE) for k in range(len(small))
    ]
    if len(set(first)) < 2:
        raise DataError(
            f"expected frames that differ, got {len(names)} that show one thing: {', '.join(names)}. "
            "Take them some seconds of driving apart"
        )
    same = [(name, names[j]) for k, (name, j) in enumerate(zip(names, first, strict=True)) if j != k]
    return [f"{name} is the same frame as {other}: it teaches nothing new" for name, other in same]


def _thumbnail(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(image, THUMBNAIL, interpolation=cv2.INTER_AREA), np.float32)


def check_one_camera(sizes: Sequence[Size]) -> None:
    """Raises DataError if frames (width, height) differ in shape: what one camera teaches fits no other."""
    shapes = [width / height for width, height in sizes]
    if max(shapes) > (1 + STRETCH) * min(shapes):
        wide, tall = sizes[int(np.argmax(shapes))], sizes[int(np.argmin(shapes))]
        raise DataError(
            "expected frames of one camera, got pictures of {} x {} and of {} x {}. Adapt to each camera by "
            "itself, or cut the frames to one shape".format(*wide, *tall)
        )
