"""What flows through the pipeline. numpy only; every field says its shape, dtype and unit.

Image points are (x, y) in pixels of the camera image, x right, y down, continuous (pixel 0 spans
0..1). Vehicle points are (x, y, z) in metres: x forward, y left, z up, origin on the road below the
camera (ISO 8855). Times are integer nanoseconds. Rows of a field of n things line up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from perception.camera import CameraModel

Size = tuple[int, int]  # (width, height), pixels
VOID = 255  # in a class map that is a label: not judged
RawOutputs = Mapping[str, np.ndarray]  # network output name -> array with a leading batch axis


@dataclass(frozen=True, slots=True)
class Ego:
    """How the own vehicle moved when a frame was taken, as it measured itself."""

    speed: float  # m/s, forward positive
    yaw_rate: float | None = None  # rad/s, left positive; None: not measured


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One camera image, when it was taken and by what."""

    image: np.ndarray  # (H, W, 3) uint8, BGR
    stamp_ns: int  # start of exposure, or arrival if the camera does not say; one clock per source
    seq: int  # counts captured frames from 0, so a gap is a dropped frame
    source: str = ""  # where it came from: a file name, a device, a topic
    camera: CameraModel | None = None  # None: not calibrated, nothing can be said in metres
    ego: Ego | None = None  # None: not known at that time
    taken_ns: int | None = None  # when, by time.monotonic_ns, of a live camera; None: recorded

    @property
    def size(self) -> Size:
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Objects, best first; those out of sight after the rest."""

    xyxy: np.ndarray  # (n, 4) float32, image pixels, x1 <= x2, y1 <= y2
    score: np.ndarray  # (n,) float32, 0..1
    class_id: np.ndarray  # (n,) int32, index into the task's class names
    # What stages add; None: no such stage ran.
    track: np.ndarray | None = (
        None  # (n,) int64: the same object in another frame has the same number; -1: none
    )
    age_ms: np.ndarray | None = None  # (n,) float32, since it was last seen; 0: in this frame
    road: np.ndarray | None = (
        None  # (n, 2) float32, vehicle x, y in metres of the nearest point; NaN: unknown
    )
    sigma_m: np.ndarray | None = (
        None  # (n,) float32, standard deviation of `road` along the ray; NaN: unknown
    )
    velocity: np.ndarray | None = None  # (n, 2) float32, m/s over the road, vehicle axes; NaN: unknown

    def __post_init__(self) -> None:
        check_rows(self, xyxy=(4,), score=(), class_id=(), track=(), age_ms=(), sigma_m=())
        check_rows(self, xyxy=(4,), road=(2,), velocity=(2,))

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, rows: slice | np.ndarray) -> Detections:
        """The same fields for some rows: `detections[detections.score > 0.5]`."""
        return Detections(**_rows(self, rows))


@dataclass(frozen=True, slots=True, eq=False)
class Signs:
    """What the traffic signs of a frame say."""

    xyxy: np.ndarray  # (k, 4) float32, image pixels
    class_id: np.ndarray  # (k,) int32, index into the task's class names
    score: np.ndarray  # (k,) float32, 0..1: probability of the class, given that it is a sign
    track: np.ndarray | None = None  # (k,) int64, as of Detections; None: not tracked

    def __post_init__(self) -> None:
        check_rows(self, xyxy=(4,), class_id=(), score=(), track=())

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, rows: slice | np.ndarray) -> Signs:
        """The same fields for some rows."""
        return Signs(**_rows(self, rows))


@dataclass(frozen=True, slots=True, eq=False)
class LaneLine:
    """One lane marking, from near to far, through the gaps of a dashed one; or an edge of the road."""

    image: np.ndarray  # (m, 2) float32, image pixels, along the middle of the paint, the foot of the kerb
    road: np.ndarray | None  # (m, 2) float32, vehicle x, y in metres, flat road; None: camera not calibrated
    score: float  # 0..1, mean probability along the line
    kind: int  # index into the task's class names, of which "road_edge" is no paint
    # What stages add.
    id: int | None = None  # the same line in another frame has the same number; None: not tracked
    role: str = ""  # "ego_left", "ego_right", "next_left", "next_right"; "": another, or not tracked
    predicted: bool = False  # not seen in this frame: where it must be by the frames before


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """A class for each cell; the cells cover the image exactly, without letterbox border."""

    labels: np.ndarray  # (h, w) uint8, index into the task's class names, 0 = background
    size: Size  # of the image it covers

    def cleared(self) -> ClassMap:
        """The same cells, all background."""
        return ClassMap(np.zeros_like(self.labels), self.size)


@dataclass(frozen=True, slots=True, eq=False)
class ImageClass:
    """What a whole image shows, as an added task says."""

    classes: tuple[str, ...]
    score: np.ndarray  # (classes,) float32, 0..1, of the sum 1


@dataclass(frozen=True, slots=True, eq=False)
class ObjectClasses:
    """What detected objects are, as an added task says."""

    classes: tuple[str, ...]
    xyxy: np.ndarray  # (n, 4) float32, image pixels
    class_id: np.ndarray  # (n,) int32, index into `classes`
    score: np.ndarray  # (n,) float32, 0..1

    def __post_init__(self) -> None:
        check_rows(self, xyxy=(4,), class_id=(), score=())

    def __len__(self) -> int:
        return len(self.xyxy)


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """A class for each cell, as an added task says; the cells cover the image exactly."""

    classes: tuple[str, ...]
    labels: np.ndarray  # (h, w) uint8, index into `classes`; VOID: not looked at
    size: Size  # of the image it covers


@dataclass(frozen=True, slots=True, eq=False)
class Mount:
    """How the camera sits in the vehicle, as learnt while driving. Angles in radians, as of CameraModel."""

    state: str  # "unknown", "converging", "calibrated" or "moved"
    pitch: float | None  # None: not known yet; likewise below
    yaw: float | None
    roll: float | None
    height: float | None  # metres
    sigma: Mapping[str, float] = field(default_factory=dict)  # of those that are known, in their units


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """Something that a driver must know."""

    name: str  # as in docs/events.md
    confidence: float  # 0..1
    since_ns: int  # stamp of the frame in which it began
    track: int | None = None  # of the object it is about
    value: float | None = None  # of its measure: seconds to collision, km/h, ...


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """All that was seen in one frame. None: that task did not run. Empty: it ran and saw nothing."""

    seq: int
    stamp_ns: int
    size: Size
    detections: Detections | None = None
    signs: Signs | None = None
    lanes: tuple[LaneLine, ...] | None = None  # and road edges, left to right at the bottom of the image
    drivable: ClassMap | None = None
    timing_ms: Mapping[str, float] = field(default_factory=dict)  # stage name -> milliseconds
    age_ms: float | None = None  # from taking the picture until the scene was ready; None: recorded
    shed: tuple[str, ...] | None = (
        None  # tasks left out of this frame, as the machine is too slow; None: all ran
    )
    blank: bool = False  # the image shows nothing (`perception.blank`), and so no task saw anything
    # What stages add; None: no such stage ran, or it does not know.
    mount: Mount | None = None
    road_pitch: float | None = None  # radians: of the camera against the road in this frame, down positive
    events: tuple[Event, ...] | None = None
    confidence: Mapping[str, float] | None = None  # task -> 0..1; left out: it found nothing to vouch for
    # What added tasks say, by their names; None: no task of that kind ran. Empty: nothing can be seen.
    image_classes: Mapping[str, ImageClass] | None = None
    object_classes: Mapping[str, ObjectClasses] | None = None
    class_maps: Mapping[str, LabelMap] | None = None


def without_finds(scene: Scene) -> Scene:
    """The same tasks ran, and saw nothing."""
    found = {f.name: getattr(scene, f.name) for f in fields(scene) if f.name != "timing_ms"}
    return replace(scene, **{name: _nothing(value) for name, value in found.items()})


def _nothing(found: Any) -> Any:
    """A field of a scene without its finds."""
    match found:
        case Detections() | Signs():
            return found[:0]
        case (LaneLine(), *_):
            return ()
        case ClassMap():
            return found.cleared()
        case dict():  # of added tasks
            return {}
    return found


def _rows(record: Detections | Signs, rows: slice | np.ndarray) -> dict[str, np.ndarray]:
    """Those rows of every field that is there."""
    values = {f.name: getattr(record, f.name) for f in fields(record)}
    return {name: value[rows] for name, value in values.items() if value is not None}


def check_rows(record: object, **shapes: tuple[int, ...]) -> None:
    """Every named field must be an array (n, *shape) with one n for all, or None."""
    n = len(getattr(record, next(iter(shapes))))
    for name, shape in shapes.items():
        value = getattr(record, name)
        if value is None:
            continue
        got = value.shape
        if got != (n, *shape):
            raise ValueError(f"{type(record).__name__}.{name}: expected shape {(n, *shape)}, got {got}")
