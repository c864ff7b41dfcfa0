"""What a network of this project offers the run time: for each task its outputs, classes and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perception.bundle import MAIN, TaskSpec
from perception.model.neck import STRIDES
from perception.tasks import detection, drivable, lanes, signs

CROPS = "signs"  # the network over sign crops; that over frames is MAIN
OUTPUTS = {
    "detection": tuple(f"detection.{kind}{stride}" for stride in STRIDES for kind in ("scores", "boxes")),
    "lanes": ("lanes.map", "lanes.edges"),
    "drivable": ("drivable.map",),
    "signs": ("signs.logits",),
}
FRAME_TASKS = ("detection", "lanes", "drivable")
CLASSES = {
    "detection": detection.CLASSES,
    "lanes": lanes.CLASSES,
    "signs": signs.CLASSES,
    "drivable": drivable.CLASSES,
}
NEW = 0.4  # threshold of a class that is not ours, until it is picked on val
SETTINGS: Mapping[str, Mapping[str, Any]] = {  # thresholds as chosen on the validation data, docs/RESULTS.md
    "detection": {"threshold": dict.fromkeys(detection.CLASSES, 0.4), "nms_iou": 0.5, "max_objects": 100},
    "lanes": {"threshold": 0.5, "edge_threshold": 0.5, "min_length": 24},
    "signs": {"threshold": 0.5},
    "drivable": {"threshold": 0.42},
}


def task_spec(name: str, classes: Mapping[str, Sequence[str]] = CLASSES) -> TaskSpec:
    """`classes`: of the network's tasks, where they are not ours."""
    own = tuple(classes.get(name, CLASSES[name]))
    needs = ("detection",) if name == "signs" else ()
    network = MAIN if name in FRAME_TASKS else CROPS
    settings = dict(SETTINGS[name])
    if name == "detection":
        settings["threshold"] = {each: settings["threshold"].get(each, NEW) for each in own}
    if name == "signs" and signs.SIGN in (objects := classes.get("detection", detection.CLASSES)):
        settings["sign_id"] = list(objects).index(signs.SIGN)
    return TaskSpec(name, own, OUTPUTS[name], needs, network, settings)
