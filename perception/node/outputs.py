"""What the node publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2

from perception import messages
from perception.field import Field
from perception.fields import FIELDS, classes_of, present
from perception.interfaces import Painter, Task
from perception.messages import Record
from perception.node.bus import Bus
from perception.node.markers import lane_markers
from perception.node.parameters import Settings
from perception.sinks.overlay import paint, status
from perception.types import Frame, Scene

MARKERS, LABELS = "visualization_msgs/msg/MarkerArray", "vision_msgs/msg/LabelInfo"


class Outputs:
    """Topics of the tasks that run. Image-sized ones are computed only while someone listens."""

    def __init__(
        self, bus: Bus, tasks: Sequence[Task], thresholds: Mapping[str, float], stages: Sequence[Painter] = ()
    ) -> None:
        """`thresholds`: task name -> the smallest score it reports; `stages`: are painted as well."""
        self._painters: list[Painter] = [*tasks, *stages]
        self._classes = classes_of(tasks)
        told = [field for field in FIELDS if field.topic and field.task in self._classes]
        self._results = {field.name: bus.publisher(f"~/{field.topic}", field.message) for field in told}
        self._overlay = bus.publisher("~/overlay/compressed", "sensor_msgs/msg/CompressedImage")
        self._markers = bus.publisher("~/lane_markers", MARKERS) if "lanes" in self._results else None
        self._others = [self._overlay, *filter(None, [self._markers])]
        for field in told:
            if field.label_topic:
                self._label(bus, field, thresholds.get(field.task, 0.0))

    def publish(self, frame: Frame, scene: Scene, header: Record, settings: Settings) -> None:
        """`header`: of the image."""
        for field, value in present(scene):
            publisher = self._results.get(field.name)
            if publisher is not None and (publisher.listeners() or not field.large):
                classes = self._classes[field.task]
                publisher.publish(field.to_message(value, classes, header, settings.vehicle_frame))
        if self._markers is not None and self._markers.listeners():
            on_road = {**header, "frame_id": settings.vehicle_frame}
            self._markers.publish(lane_markers(scene.lanes or (), self._classes["lanes"], on_road))
        if self._overlay.listeners():
            self._paint(frame, scene, header, settings.jpeg_quality)

    def close(self) -> None:
        for publisher in (*self._results.values(), *self._others):
            publisher.close()

    def _label(self, bus: Bus, field: Field[Any], threshold: float) -> None:
        """Once: it is kept for whoever comes later."""
        publisher = bus.publisher(f"~/{field.label_topic}", LABELS, latched=True)
        header = messages.header(bus.now_ns(), "")
        publisher.publish(messages.label_info(self._classes[field.task], header, threshold))
        self._others.append(publisher)

    def _paint(self, frame: Frame, scene: Scene, header: Record, quality: int) -> None:
        canvas = paint(frame, scene, self._painters, status(scene))
        _, jpeg = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, quality])
        self._overlay.publish(messages.compressed_image(jpeg.tobytes(), header))
