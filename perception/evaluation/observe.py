"""What the metrics need of a pipeline beyond its scenes: unsure boxes, and a sign read whatever the doubt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from perception.crop import WHOLE
from perception.evaluation.plain import Plain
from perception.interfaces import Task
from perception.labels.signs import SignCrop
from perception.letterbox import Letterbox
from perception.pipeline import Pipeline
from perception.stages.still import for_stills
from perception.tasks import detection, lanes, maker, signs
from perception.types import Detections, Frame, RawOutputs, Scene, Size

See = Callable[[Frame], Scene]

UNSURE = 0.01  # average precision is an integral over all scores; below this one nothing is left to gain
UNSURE_BOXES = 300
OWN, PLAIN = "confidence", "max_probability"  # that of the pipeline, and what it is compared with


class Observer:
    """`observer(frame)`: the scene as it is reported, and the same with every box down to score UNSURE and,
    where the stage of confidence runs, the usual one (`Plain`) in its place.

    The network runs once; the boxes are decoded twice. A `see` that is not a `Pipeline` is asked once and
    its boxes serve for both.
    """

    def __init__(self, see: See) -> None:
        self._see, self._crop = see, WHOLE
        self._unsure: _Aside | None = None
        self._plain: Plain | None = None
        if isinstance(see, Pipeline):  # a copy: its stages change with what is looked at
            self._see = see.with_tasks(see.tasks, stages=see.stages)
        self._stages = see.stages if isinstance(see, Pipeline) else ()
        self.classes: Sequence[str] = detection.CLASSES
        self.reader = CropReader.of(see)  # None: reads no signs
        self.sign_classes: Sequence[str] = self.reader.classes if self.reader else signs.CLASSES
        lines = find_task(see, "lanes")
        self.edges = "road_edge" in (lines.classes if lines else lanes.CLASSES)  # are they looked for?
        self.sign_threshold = self.reader.threshold if self.reader else 0.0
        task = find_task(see, "detection")
        if isinstance(see, Pipeline) and task is not None:
            self.classes = task.classes
            scores = dict.fromkeys(task.classes, UNSURE)
            self._unsure = _Aside(with_settings(task, threshold=scores, max_objects=UNSURE_BOXES))
            self._crop = see.crop
        if isinstance(see, Pipeline) and any(stage.name == OWN for stage in see.stages):
            self._plain = Plain(see.tasks)
        aside: list[Task] = [task for task in (self._unsure, self._plain) if task is not None]
        if isinstance(see, Pipeline) and aside:
            self._see = see.with_tasks([*see.tasks, *aside], stages=see.stages)

    def __call__(self, frame: Frame) -> tuple[Scene, Scene]:
        scene = self._see(frame)
        unsure = scene if self._plain is None else replace(scene, confidence=self._plain.found)
        if self._unsure is None:
            return scene, unsure
        return scene, replace(unsure, detections=self._crop.moved(self._unsure.found, frame.size))

    def begin(self, stills: bool) -> None:
        """What comes has nothing to do with what was; of `stills`, each with nothing at all."""
        if isinstance(self._see, Pipeline):
            self._see.reset()
            self._see.stages = for_stills(self._stages) if stills else self._stages

    def look(self, frame: Frame, crop: SignCrop | None) -> tuple[Scene, Scene]:
        """The same for a picture, or for a crop with one sign: an empty scene if there is no reader."""
        if crop is None:
            return self(frame)
        scene = Scene(frame.seq, frame.stamp_ns, frame.size)
        scene = scene if self.reader is None else self.reader(frame, crop.xyxy)
        return scene, scene


class CropReader:
    """Reads the one sign of a crop through the signs task of a pipeline, at threshold 0."""

    def __init__(self, task: Task, boxes: Task, network: Size) -> None:
        """`boxes`: the task whose sign boxes `task` reads. `network`: input size of the main network."""
        self.classes = task.classes
        self.threshold = _threshold(task)  # below it the pipeline reports no reading
        self._task = with_settings(task, threshold=0.0)
        self._class = boxes.classes.index("traffic_sign")
        self._network = network

    @classmethod
    def of(cls, see: See) -> CropReader | None:
        """That of a pipeline; None if it reads no signs."""
        task, boxes = find_task(see, "signs"), find_task(see, "detection")
        if not isinstance(see, Pipeline) or task is None or boxes is None:
            return None
        return cls(task, boxes, see.backend.input_size)

    def __call__(self, frame: Frame, xyxy: Sequence[float]) -> Scene:
        box, class_id = np.array([xyxy], np.float32), np.array([self._class], np.int32)
        sign = Detections(box, np.ones(1, np.float32), class_id)
        scene = Scene(frame.seq, frame.stamp_ns, frame.size, detections=sign)
        return self._task.decode({}, frame, Letterbox.fit(frame.size, self._network), scene)


class _Aside:
    """A task whose boxes are kept beside the scene."""

    name = "unsure"

    def __init__(self, task: Task) -> None:
        self._task = task
        self.classes, self.outputs, self.needs = task.classes, task.outputs, task.needs
        self.found: Detections | None = None

    def decode(self, raw: RawOutputs, frame: Frame, box: Letterbox, scene: Scene) -> Scene:
        self.found = self._task.decode(raw, frame, box, scene).detections
        return scene

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Nothing: only the metrics see these boxes."""


def _threshold(task: Any) -> float:
    return float(task.spec.settings.get("threshold", signs.THRESHOLD))


def find_task(see: See, name: str) -> Task | None:
    tasks = see.tasks if isinstance(see, Pipeline) else ()
    return next((task for task in tasks if task.name == name), None)


def with_settings(task: Any, **settings: object) -> Task:
    """The same task with some settings of its spec replaced."""
    spec = replace(task.spec, settings={**task.spec.settings, **settings})
    return maker(spec)(spec, getattr(task, "network", None))
