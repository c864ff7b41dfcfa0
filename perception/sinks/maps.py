"""Class maps at image size: PNG files that other programs can score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from perception.interfaces import Task
from perception.sinks.files import Stems, write_whole
from perception.types import ClassMap, Frame, LaneLine, Scene, Size

LINE_WIDTH = 4 / 640  # of a drawn lane line, as a share of the image's width: lane paint some 15 m ahead
PNG = [  # runs of equal labels: 1.2 ms at 720p, where cv2's defaults take 4.3 for a larger file
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE),
]
SHIFT = 4  # cv2 draws with 1/16 pixel


class Maps:
    """`STEM.drivable.png` and `STEM.lanes.png` for each frame, uint8 class ids of the tasks that ran.

    Lanes: every line drawn 4 pixels wide at 640 (scaled with the image) with the id of its kind, but at
    least 1, so that an "unknown" line is not background.
    """

    def __init__(self, folder: str | Path, tasks: Sequence[Task]) -> None:
        self.folder = Path(folder)
        self.names = {task.name for task in tasks}
        self._stems = Stems()

    def write(self, frame: Frame, scene: Scene) -> None:
        stem = self._stems(frame)
        if "drivable" in self.names and scene.drivable is not None:
            self._save(f"{stem}.drivable.png", at_image_size(scene.drivable))
        if "lanes" in self.names and scene.lanes is not None:
            self._save(f"{stem}.lanes.png", drawn(scene.lanes, scene.size))

    def close(self) -> None:
        """Every map is complete once written."""

    def _save(self, name: str, labels: np.ndarray) -> None:
        _, png = cv2.imencode(".png", labels, PNG)
        write_whole(self.folder / name, png.tobytes())


def at_image_size(cells: ClassMap) -> np.ndarray:
    """(H, W) uint8: every pixel takes the class of the cell it lies in."""
    return cv2.resize(cells.labels, cells.size, interpolation=cv2.INTER_NEAREST_EXACT)


def drawn(lines: Sequence[LaneLine], size: Size) -> np.ndarray:
    """(H, W) uint8, 0 where there is no line; less sure lines lie below surer ones."""
    labels = np.zeros((size[1], size[0]), np.uint8)
    thickness = max(1, round(size[0] * LINE_WIDTH))
    for line in sorted(lines, key=lambda line: line.score):
        points = np.round((line.image - 0.5) * (1 << SHIFT)).astype(np.int32)  # cv2: pixel centres at 0, 1, …
        cv2.polylines(labels, [points], False, max(1, line.kind), thickness, cv2.LINE_8, SHIFT)
    return labels
