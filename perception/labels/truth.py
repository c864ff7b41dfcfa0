"""All that is known of one frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from perception.errors import DataError
from perception.labels.boxes import BoxLabels
from perception.labels.moving import Moving
from perception.labels.signs import SignCrop
from perception.tasks import detection, signs
from perception.types import ClassMap, Frame, LaneLine, Scene, Signs, Size

PARTS = ("drivable", "lanes", "detection", "signs", "ego", "blank")
DRAWN, ROAD, TUSIMPLE, CULANE = "drawn", "road", "tusimple", "culane"  # rules by which lines are judged
EDGES = "edges"  # that of road edges, where they are labelled
TURNED = (
    "The labels swap width and height, or EXIF data turn the picture and not its labels: "
    "swap the two, or turn the labels"
)
RESIZED = "The labels were made on a picture of another size: take that one, or scale the labels"
OURS = {"detection": detection.CLASSES, "signs": signs.CLASSES}
PARTLY = "partly"  # as DRAWN, of lines that are labelled in part


@dataclass(frozen=True, eq=False)
class Truth:
    """None: not labelled for that. Empty: labelled, and nothing is there."""

    set: str  # the metrics of a task are named after it, unless `sets` names another
    boxes: BoxLabels | None = None  # which classes are labelled, boxes by name, regions that are not judged
    levels: Mapping[str, BoxLabels] = field(default_factory=dict)  # the same with more regions, by name
    signs: Signs | None = None  # of `sign_names`; score 0: what the sign says is not known
    sign_names: tuple[str, ...] = OURS["signs"]
    lines: tuple[LaneLine, ...] | None = None  # in `lanes.CLASSES`
    rules: tuple[str, ...] = (DRAWN,)  # that judge the lines
    rows: tuple[int, ...] = ()  # TUSIMPLE: y of the labelled rows, pixels, and
    crossings: tuple[tuple[float, ...], ...] | None = None  # x of the true lines there; None: of `lines`
    paint: np.ndarray | None = None  # (H, W) uint8: 1 lane paint, 255 not judged
    trusted: bool = False  # 0 in `paint` is certain to be no paint
    drivable: ClassMap | None = None  # 1 drivable, 255 not judged
    crop: SignCrop | None = None  # the picture is a crop with this one sign
    own: str | None = None  # the drive, a key of `own_vehicle.EDGES`
    blank: str | None = None  # the kind of a frame in which there is nothing to see
    moving: Moving | None = None  # who is who over time, metres, speeds, events
    condition: str | None = None  # "night": the frame counts in the metrics of its set and in those of this
    tags: tuple[str, ...] = ()  # "weather:rainy"
    sets: Mapping[str, str] = field(default_factory=dict)  # part, see `name` -> set

    def name(self, part: str) -> str:
        """The set of a part: drivable, lanes, paint, detection, sign or moving."""
        return self.sets.get(part, self.set)

    def check_size(self, frame: Frame) -> None:
        """Raises DataError if the labels were made for a picture of another size; masks may be scaled."""
        if self.crop is not None:
            self.crop.check_size(frame.size)
        wrong = [size for size in self._masks() if not _scaled(size, frame.size)]
        if self.boxes is not None and self.boxes.size != frame.size:
            wrong = [self.boxes.size]
        if wrong:
            expected, turned = "{} x {}".format(*wrong[0]), _scaled(wrong[0][::-1], frame.size)
            raise DataError(
                f"{frame.source}: expected a picture of {expected} as its labels say, got "
                f"{frame.size[0]} x {frame.size[1]}. {TURNED if turned else RESIZED}"
            )

    def _masks(self) -> list[Size]:
        paint = [] if self.paint is None else [(self.paint.shape[1], self.paint.shape[0])]
        return paint if self.drivable is None else [self.drivable.size, *paint]

    def scene(self, frame: Frame, classes: Mapping[str, Sequence[str]] = OURS) -> Scene:
        """What can be drawn of it: objects without regions, signs, lines, drivable. `classes`: by task."""
        found = None
        if self.boxes is not None:
            found = self.boxes.detections(classes.get("detection", OURS["detection"]), frame.size)
            found = found[found.score > 0]
        read = self.signs_of(classes.get("signs", OURS["signs"]))
        return Scene(frame.seq, frame.stamp_ns, frame.size, found, read, self.lines, self.drivable)

    def signs_of(self, classes: Sequence[str]) -> Signs | None:
        """`signs` in the classes of a model; what it does not have is not known."""
        if self.signs is None or tuple(classes) == self.sign_names:
            return self.signs
        places = np.array([classes.index(n) if n in classes else -1 for n in self.sign_names] or [-1])
        class_id = places[self.signs.class_id].astype(np.int32)
        known = (class_id >= 0).astype(np.float32)
        return Signs(self.signs.xyxy, np.maximum(class_id, 0), self.signs.score * known)


def _scaled(size: Size, picture: Size) -> bool:
    """Is it that of the picture scaled, to within the rounding of a pixel?"""
    (width, height), (whole_width, whole_height) = size, picture
    apart = abs(width * whole_height - height * whole_width)
    return apart <= max(whole_width, whole_height)
