"""What result messages say. They may come from anywhere: what is not as documented is a DataError."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from perception.errors import DataError
from perception.messages.pictures import grey_from
from perception.messages.write import UNJUDGED
from perception.types import VOID, ClassMap, Detections, LaneLine, Signs, Size

LONGEST = 18  # digits of an int64


def stamp_ns(header: Any) -> int:
    """The time of a std_msgs/Header."""
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)


def detections_from(message: Any, classes: Sequence[str]) -> Detections:
    """Of a vision_msgs/Detection2DArray; of several hypotheses about a box, the one with the best score.

    Tracks where every box has a number in `id`.
    """
    xyxy, score, class_id = _boxes(message, classes)
    return Detections(xyxy, score, class_id, _tracks(message))


def signs_from(message: Any, classes: Sequence[str]) -> Signs:
    """As `detections_from`."""
    xyxy, score, class_id = _boxes(message, classes)
    return Signs(xyxy, class_id, score, _tracks(message))


def lanes_from(message: Any, classes: Sequence[str]) -> tuple[LaneLine, ...]:
    """Of a perception_msgs/LaneArray."""
    ids = {name: k for k, name in enumerate(classes)}
    return tuple(_line(line, ids) for line in message.lines)


def mask_from(message: Any, size: Size) -> ClassMap:
    """Of a mono8 image that covers an image of `size`: 1 where not 0, VOID for 127. Raises FrameError."""
    mask = grey_from(message)
    return ClassMap(np.where(mask == UNJUDGED, VOID, mask > 0).astype(np.uint8), size)


def _boxes(message: Any, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """xyxy (n, 4) float32, score (n,) float32, class_id (n,) int32."""
    ids = {name: k for k, name in enumerate(classes)}
    rows = [(_corners(box.bbox), _best(box)) for box in message.detections]
    xyxy = np.array([corners for corners, _ in rows], np.float64).reshape(-1, 4).astype(np.float32)
    score = np.array([best.score for _, best in rows], np.float64).astype(np.float32)
    if not (np.isfinite(xyxy).all() and np.isfinite(score).all()):
        raise DataError("Detection2DArray: expected finite boxes and scores, got NaN or infinity")
    return xyxy, score, np.array([_id(best.class_id, ids) for _, best in rows], np.int32)


def _tracks(message: Any) -> np.ndarray | None:
    """(n,) int64, as we write them; -1 where a box has none. None if none has, or an id is no number."""
    names = [box.id for box in message.detections]
    numbered = any(names) and all(name.isdecimal() and len(name) <= LONGEST for name in filter(None, names))
    return np.array([name or -1 for name in names], np.int64) if numbered else None


def _corners(box: Any) -> tuple[float, float, float, float]:
    x, y = box.center.position.x, box.center.position.y
    w, h = box.size_x / 2, box.size_y / 2
    if w < 0 or h < 0 or box.center.theta:
        raise DataError(
            f"BoundingBox2D: expected an upright box, got size {box.size_x} x {box.size_y}, "
            f"theta {box.center.theta}"
        )
    return x - w, y - h, x + w, y + h


def _best(box: Any) -> Any:
    if not len(box.results):
        raise DataError("Detection2D: expected at least one hypothesis in results, got none")
    return max((result.hypothesis for result in box.results), key=lambda hypothesis: hypothesis.score)


def _id(name: str, ids: Mapping[str, int]) -> int:
    if name not in ids:
        raise DataError(
            f"expected a class of {', '.join(ids)}, got {name!r}; choose the bundle that wrote it"
        )
    return ids[name]


def _line(line: Any, ids: Mapping[str, int]) -> LaneLine:
    image = np.array([(p.x, p.y) for p in line.image], np.float32).reshape(-1, 2)
    road = np.array([(p.x, p.y) for p in line.road], np.float32).reshape(-1, 2)
    if len(road) not in (0, len(image)):
        raise DataError(f"LaneLine: expected a road point for each of {len(image)} points, got {len(road)}")
    return LaneLine(image, road if len(road) else None, float(line.score), _id(line.kind, ids))
