"""What the node publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2

from perception import messages
from perception.interfaces import Task
from perception.messages import Record
from perception.messages.topics import RESULTS
from perception.node.bus import Bus, Publisher
from perception.node.markers import lane_markers
from perception.node.parameters import Settings
from perception.sinks.overlay import paint, status
from perception.types import Frame, Scene

OBJECTS = "vision_msgs/msg/Detection2DArray"
LABELS = "vision_msgs/msg/LabelInfo"
FIELDS = {"detection": "detections", "signs": "signs", "lanes": "lanes", "drivable": "drivable"}  # of a task


class Outputs:
    """Topics of the tasks that run. Image-sized ones are computed only while someone listens."""

    def __init__(self, bus: Bus, tasks: Sequence[Task], thresholds: Mapping[str, float]) -> None:
        """`thresholds`: task name -> the smallest score it reports."""
        self._tasks = tasks
        self._classes = {task.name: task.classes for task in tasks}
        self._results = {
            task.name: bus.publisher(f"~/{topic}", type_name)
            for task in tasks
            for topic, type_name in [RESULTS[FIELDS[task.name]]]
        }
        self._overlay = bus.publisher("~/overlay/compressed", "sensor_msgs/msg/CompressedImage")
        self._others: list[Publisher] = [self._overlay]
        if "lanes" in self._classes:
            self._markers = bus.publisher("~/lane_markers", "visualization_msgs/msg/MarkerArray")
            self._others.append(self._markers)
        for task, topic in (("detection", "~/label_info"), ("signs", "~/sign_label_info")):
            if task in self._classes:
                self._label(bus, topic, task, thresholds.get(task, 0.0))

    def publish(self, frame: Frame, scene: Scene, header: Record, settings: Settings) -> None:
        """`header`: of the image."""
        classes = self._classes
        if scene.detections is not None:
            record = messages.detections(scene.detections, classes["detection"], header)
            self._results["detection"].publish(record)
        if scene.signs is not None:
            self._results["signs"].publish(messages.signs(scene.signs, classes["signs"], header))
        if scene.lanes is not None:
            self._lanes(scene, header, settings.vehicle_frame)
        if scene.drivable is not None and self._results["drivable"].listeners():
            self._results["drivable"].publish(messages.drivable(scene.drivable, header))
        if self._overlay.listeners():
            self._paint(frame, scene, header, settings.jpeg_quality)

    def close(self) -> None:
        for publisher in (*self._results.values(), *self._others):
            publisher.close()

    def _label(self, bus: Bus, topic: str, task: str, threshold: float) -> None:
        """Once: it is kept for whoever comes later."""
        publisher = bus.publisher(topic, LABELS, latched=True)
        header = messages.header(bus.now_ns(), "")
        publisher.publish(messages.label_info(self._classes[task], header, threshold))
        self._others.append(publisher)

    def _lanes(self, scene: Scene, header: Record, vehicle_frame: str) -> None:
        lines, classes = scene.lanes or (), self._classes["lanes"]
        self._results["lanes"].publish(messages.lanes(lines, classes, header, vehicle_frame))
        if self._markers.listeners():
            self._markers.publish(lane_markers(lines, classes, {**header, "frame_id": vehicle_frame}))

    def _paint(self, frame: Frame, scene: Scene, header: Record, quality: int) -> None:
        canvas = paint(frame, scene, self._tasks, status(scene))
        _, jpeg = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, quality])
        self._overlay.publish(messages.compressed_image(jpeg.tobytes(), header))
