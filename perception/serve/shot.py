"""One frame with what was seen in it, in every form in which somebody may want it. Each is made once."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import cv2
import numpy as np

from perception.camera import CameraModel
from perception.field import Classes
from perception.fields import Named, classes_of, present
from perception.interfaces import Painter
from perception.sinks.drafts import Draft, drafts
from perception.sinks.overlay import paint, status
from perception.sinks.scenes import scene_to_json
from perception.types import Frame, Scene

QUALITY = 80  # of JPEG
FARTHEST = 80.0  # metres: areas on the road end there
HEAD = struct.Struct("<I")  # of a live message: the length of its JSON, which the JPEG follows


@dataclass(frozen=True)
class Look:
    """How shots of one camera are made."""

    tasks: Sequence[Named] = ()
    painters: Sequence[Painter] = ()
    quality: int = QUALITY

    @property
    def classes(self) -> dict[str, Classes]:
        return {name: own for name, own in classes_of(self.tasks).items() if name}


@dataclass(eq=False)
class Shot:
    """`scene` None: it is withheld, and `withheld` says why. Not for several threads at once."""

    frame: Frame
    scene: Scene | None
    look: Look = field(default_factory=Look)
    withheld: str = ""
    age_ms: float = 0.0  # when the scene was ready
    oldest_ms: float = np.inf  # of a scene that may be given

    @property
    def fresh(self) -> bool:
        """It may be given now. The process may have been held up since the scene was judged."""
        age_ms = (time.monotonic_ns() - (self.frame.taken_ns or 0)) / 1e6
        return self.scene is None or age_ms <= self.oldest_ms

    @cached_property
    def jpeg(self) -> bytes:
        return _jpeg(self.frame.image, self.look.quality)

    @cached_property
    def painted(self) -> bytes:
        """JPEG with what was seen painted on it."""
        if self.scene is None:
            return self.jpeg
        return _jpeg(paint(self.frame, self.scene, self.look.painters, status(self.scene)), self.look.quality)

    @cached_property
    def record(self) -> dict[str, Any]:
        """As a line of scenes.jsonl, with its age in ms and, where it was withheld, why."""
        scene = self.scene or Scene(self.frame.seq, self.frame.stamp_ns, self.frame.size)
        record = scene_to_json(replace(scene, age_ms=self.age_ms), self.frame, self.look.tasks)
        if self.scene is None:
            record["withheld"] = self.withheld
        return record

    @cached_property
    def text(self) -> str:
        return json.dumps(self.record, separators=(",", ":"))

    @cached_property
    def live(self) -> bytes:
        """For the page: the length of the JSON, the JSON with areas, the JPEG."""
        head = json.dumps({**self.record, **self._areas()}, separators=(",", ":")).encode()
        return HEAD.pack(len(head)) + head + self.jpeg

    @cached_property
    def messages(self) -> tuple[Draft, ...]:
        """Those of a recorded drive; bytes are made when they are asked for, and once."""
        return tuple(self._once())

    def _once(self) -> Iterator[Draft]:
        said = drafts(self.frame, self.scene, self.look.classes, lambda: self.jpeg)
        for topic, type_name, encode in said:
            yield Draft(topic, type_name, cache(encode))

    def _areas(self) -> dict[str, Any]:
        """Field -> polygons, in image pixels and, if the camera is calibrated, in metres on the road."""
        found = {
            field.name: polygons
            for field, value in (present(self.scene) if self.scene else ())
            if (polygons := field.outline(value)) is not None
        }
        camera = self.frame.camera
        areas = {name: [np.rint(p).astype(int).tolist() for p in shapes] for name, shapes in found.items()}
        if camera is None:
            return {"areas": areas}
        road = {name: [_on_road(p, camera) for p in polygons] for name, polygons in found.items()}
        return {"areas": areas, "road_areas": road}


def _jpeg(image: np.ndarray, quality: int) -> bytes:
    _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return jpeg.tobytes()


def _on_road(polygon: np.ndarray, camera: CameraModel) -> list[list[float]]:
    """In metres, without points that are not on the road or too far ahead to mean anything."""
    dense = _denser(polygon)
    road = camera.to_road(dense)
    near = np.isfinite(road).all(1) & (road[:, 0] <= FARTHEST)
    return np.round(road[near], 1).tolist()


def _denser(polygon: np.ndarray) -> np.ndarray:
    """With three points on every side: straight sides are not straight on the road behind a lens."""
    ahead = np.roll(polygon, -1, axis=0)
    return np.concatenate([polygon + (ahead - polygon) * k / 4 for k in range(4)], 1).reshape(-1, 2)
