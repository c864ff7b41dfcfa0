"""What a Detection2DArray says, whatever library made the object."""

from typing import Any


def boxes(message: Any) -> list[Any]:
    return [
        [
            d.results[0].hypothesis.class_id,
            d.results[0].hypothesis.score,
            d.bbox.center.position.x - d.bbox.size_x / 2,
            d.bbox.center.position.y - d.bbox.size_y / 2,
            d.bbox.center.position.x + d.bbox.size_x / 2,
            d.bbox.center.position.y + d.bbox.size_y / 2,
        ]
        for d in message.detections
    ]
