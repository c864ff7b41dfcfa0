"""What the traffic signs say: a second, small network on crops of the image at its own resolution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perception.bundle import TaskSpec
from perception.errors import BundleError
from perception.interfaces import Backend
from perception.letterbox import Letterbox
from perception.tasks.about import About, Score
from perception.tasks.detection import CLASSES as OBJECTS
from perception.tasks.signs.confidence import confidence
from perception.tasks.signs.decode import LOGITS, decode, decoded
from perception.tasks.signs.draw import draw
from perception.tasks.signs.field import SignsField
from perception.types import Frame, RawOutputs, Scene

SIGN = "traffic_sign"  # the objects whose boxes are read
THRESHOLD = 0.5  # of a bundle that names none
CLASSES = (  # of the German Traffic Sign Recognition Benchmark, in its order
    "speed_limit_20",
    "speed_limit_30",
    "speed_limit_50",
    "speed_limit_60",
    "speed_limit_70",
    "speed_limit_80",
    "speed_limit_80_end",
    "speed_limit_100",
    "speed_limit_120",
    "no_overtaking",
    "no_overtaking_heavy",
    "priority_intersection",
    "priority_road",
    "yield",
    "stop",
    "no_entry_vehicles",
    "no_entry_heavy",
    "do_not_enter",
    "warning_sign",
    "single_curve_left",
    "single_curve_right",
    "double_curve_left",
    "rough_road",
    "slippery_road",
    "narrows_right",
    "workers_in_road",
    "traffic_light",
    "pedestrian_warning",
    "children_warning",
    "cyclists_warning",
    "icy_road",
    "animals_warning",
    "restrictions_end",
    "right",
    "left",
    "straight",
    "straight_right",
    "straight_left",
    "right_obstacle",
    "left_obstacle",
    "roundabout",
    "no_overtaking_end",
    "no_overtaking_heavy_end",
)
ABOUT = About(
    TaskSpec("signs", CLASSES, ("signs.logits",), ("detection",), "signs", {"threshold": THRESHOLD}),
    Score("signs.top1", "top-1 of crops"),
    {"signs": ("read_f1", "top1")},
    {"signs": ("#b7950b", "#d9b93a")},
    {
        "gtsdb.sign.ap50": "traffic signs found, AP50, GTSDB",
        "gtsdb.sign.read_f1": "traffic signs found and read, F1, GTSDB",
        "signs.top1": "sign crops read, top-1, GTSRB",
        "signs.macro_recall": "sign crops read, mean recall of the 43 classes, GTSRB",
        "signs.open.false_reads": "crops that show none of the 43 signs but are read as one, lower is better",
    },
)


class SignReader:
    """Fills `scene.signs` from the traffic signs among `scene.detections`."""

    name = "signs"
    about = ABOUT
    field = SignsField()
    outputs: tuple[str, ...] = ()  # of the main network

    def __init__(self, spec: TaskSpec, network: Backend | None = None) -> None:
        """Raises BundleError if there is no network to read with."""
        if network is None:
            raise BundleError(
                "signs: expected a network of its own, got none; name its file under files in model.json"
            )
        self.spec = spec
        self.classes = spec.classes
        self.needs = spec.needs
        self.network = network
        self._sign = sign_id(spec)
        self._threshold = spec.number("threshold", THRESHOLD)

    def decode(self, raw: RawOutputs, frame: Frame, box: Letterbox, scene: Scene) -> Scene:
        if scene.detections is None:
            raise ValueError("signs are read from detections: run the task detection before it")
        boxes = scene.detections.xyxy[scene.detections.class_id == self._sign]
        if LOGITS in raw:  # of the first boxes, from a backend that has read them itself
            logits = raw[LOGITS][: len(boxes)]
            return replace(scene, signs=decoded(boxes[: len(logits)], logits, self._threshold))
        return replace(scene, signs=decode(frame.image, boxes, self.network, self._threshold))

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        if scene.signs is not None:
            draw(canvas, scene.signs, self.classes)

    def confidence(self, raw: RawOutputs, box: Letterbox, scene: Scene) -> float | None:
        """The F1 that the scores promise, of signs found and read. None: no signs were read."""
        if not scene.signs or scene.detections is None:
            return None
        own = scene.detections.class_id == self._sign
        return confidence(scene.signs, scene.detections.xyxy[own], scene.detections.score[own])

    @staticmethod
    def on_device(spec: TaskSpec) -> dict[str, int]:
        """What a backend that reads the signs itself must know."""
        return {"sign": sign_id(spec)}


def sign_id(spec: TaskSpec) -> int:
    """Which class of the bundle's objects is SIGN; a bundle that does not say has our classes."""
    return int(spec.number("sign_id", OBJECTS.index(SIGN)))
