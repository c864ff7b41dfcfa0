"""`lanes_drawn.json` and its like: lane lines as polylines, near to far, along the middle of the paint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from perception.errors import DataError, brief
from perception.labels.rows import check_places, fault, json_file
from perception.types import LaneLine

FILE = "lanes_drawn.json"
ALIASES = {"double": "solid"}  # for those who know fewer kinds


def read(
    root: Path, kinds: Sequence[str], file: str = FILE
) -> Iterator[tuple[str, str, tuple[LaneLine, ...]]]:
    """(image, split, lines) of every frame; frames without paint have no lines. Raises DataError.

    The file counts pixels by their index, so its points are moved by half a pixel to `LaneLine`'s.
    """
    path = root / file
    if not path.exists():
        return
    for number, frame in enumerate(_frames(path)):
        try:
            lines = tuple(_line(line, kinds) for line in frame["lines"])
            image, split = str(frame["img"]), str(frame["split"])
        except (KeyError, TypeError, ValueError) as error:
            wanted = "img, split, lines [{kind, points [[x, y]]}]"
            message = f"{path}: frame {number}: expected {wanted}, got {brief(error)}. Mend the frame"
            raise DataError(message) from error
        yield image, split, lines


def _frames(path: Path) -> list[Any]:
    frames = json_file(path)
    if not isinstance(frames, list):
        raise fault(path, 1, "a list of frames", type(frames).__name__)
    return frames


def _line(line: dict[str, Any], kinds: Sequence[str]) -> LaneLine:
    points = np.array(line["points"], np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
        raise ValueError(f"points of shape {points.shape}")
    check_places(points)
    kind = line["kind"] if line["kind"] in kinds else ALIASES.get(line["kind"])
    return LaneLine(
        points.astype(np.float32) + np.float32(0.5), None, 1.0, kinds.index(kind) if kind in kinds else 0
    )
