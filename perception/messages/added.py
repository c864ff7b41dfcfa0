"""What added tasks say, as records of ROS messages, and what such messages say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from perception.errors import DataError, FrameError
from perception.messages.pictures import Encoding, pixels_of
from perception.messages.write import Record, image

MOST_MAPS = 8


def classification(scores: Mapping[str, float], header: Record) -> Record:
    """vision_msgs/Classification: every class with its score."""
    results = [{"class_id": name, "score": score} for name, score in scores.items()]
    return {"header": header, "results": results}


def classification_from(message: Any, classes: Sequence[str]) -> dict[str, float]:
    """Class -> score, of those that are told. Raises DataError for other classes, and for scores that are no
    numbers."""
    scores = {str(row.class_id): float(row.score) for row in message.results}
    if not set(scores) <= set(classes) or not np.isfinite([*scores.values()]).all():
        raise DataError(
            f"Classification: expected scores of {', '.join(classes)}, got {scores}; "
            "choose the bundle that wrote it"
        )
    return scores


def class_maps(maps: Sequence[np.ndarray], header: Record) -> Record:
    """sensor_msgs/Image: one map (H, W) uint8 as mono8, several as channels of 8UCn."""
    if not maps:
        return image(np.zeros((0, 0), np.uint8), header)
    record = image(maps[0], header)
    if len(maps) == 1:
        return record
    several = {"encoding": f"8UC{len(maps)}", "step": maps[0].shape[1] * len(maps)}
    return {**record, **several, "data": np.stack(maps, 2).tobytes()}


def class_maps_from(message: Any) -> list[np.ndarray]:
    """The maps (H, W) uint8 of such an image. Raises FrameError."""
    if not message.height:
        return []
    encodings = {"mono8": 1, **{f"8UC{n}": n for n in range(1, MOST_MAPS + 1)}}
    if message.encoding not in encodings:
        raise FrameError(
            f"class maps: expected an encoding of {', '.join(encodings)}, got {message.encoding!r}"
        )
    pixels = pixels_of(message, Encoding(encodings[message.encoding]))
    return [np.ascontiguousarray(layer) for layer in np.moveaxis(np.atleast_3d(pixels), 2, 0)]
