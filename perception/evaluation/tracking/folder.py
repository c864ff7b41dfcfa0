"""Drives without pictures: a folder with `truth/`, `detections/`, `ego/` and `cameras.csv`.

`detections/NAME.csv`: frame, class, score, x1, y1, x2, y2 (image pixels). `truth/NAME.csv`: frame, track,
class, truncated, occluded, x1, y1, x2, y2, height_m, nearest_m, lateral_m (left positive), the last three
empty where not known. `ego/NAME.csv`: frame, speed_mps, yaw_rate_radps. `cameras.csv`: sequence, fx, cx, cy,
width, height, camera_height_m. `perception.labels` reads pictures; these have none.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perception.camera import CameraModel
from perception.errors import DataError, brief
from perception.types import Ego

BOX = ("x1", "y1", "x2", "y2")
IGNORE = "ignore"  # regions that are not judged


@dataclass(frozen=True, eq=False)
class Rows:
    """Boxes of a file, frame by frame; rows line up."""

    frame: np.ndarray  # (n,) int64
    name: np.ndarray  # (n,) str: class
    xyxy: np.ndarray  # (n, 4) float64, pixels
    numbers: Mapping[str, np.ndarray]  # (n,) float64 each: the other columns; NaN where empty

    def __getitem__(self, rows: np.ndarray | slice) -> Rows:
        numbers = {name: values[rows] for name, values in self.numbers.items()}
        return Rows(self.frame[rows], self.name[rows], self.xyxy[rows], numbers)


@dataclass(frozen=True, eq=False)
class Drive:
    """One sequence."""

    name: str
    frames: int  # numbers are below
    camera: CameraModel
    truth: Rows
    detections: Rows
    ego: Mapping[int, Ego]  # frame -> motion


def drives(directory: Path) -> Iterator[Drive]:
    """All sequences that `cameras.csv` names. Raises DataError with the file that is missing or wrong."""
    for row in _read(directory / "cameras.csv"):
        name = row["sequence"]
        truth = _rows(directory / "truth" / f"{name}.csv")
        detections = _rows(directory / "detections" / f"{name}.csv")
        ego = _ego(directory / "ego" / f"{name}.csv")
        frames = 1 + int(max([0, *truth.frame, *detections.frame, *ego]))
        yield Drive(name, frames, _camera(directory, row), truth, detections, ego)


def _camera(directory: Path, row: Mapping[str, str]) -> CameraModel:
    try:
        size = int(row["width"]), int(row["height"])
        fx, cx, cy = (float(row[key]) for key in ("fx", "cx", "cy"))
        return CameraModel(size, fx, fx, cx, cy, height=float(row["camera_height_m"]))
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{directory / 'cameras.csv'}: expected a camera in each row, got {brief(error)}"
        ) from error


def _rows(path: Path) -> Rows:
    rows = _read(path)
    try:
        frame = np.array([int(row["frame"]) for row in rows], np.int64)
        xyxy = np.array([[float(row[key]) for key in BOX] for row in rows]).reshape(-1, 4)
        others = [key for key in (rows[0] if rows else ()) if key not in ("frame", "class", *BOX)]
        numbers = {key: np.array([float(row[key] or "nan") for row in rows]) for key in others}
        return Rows(frame, np.array([row["class"] for row in rows], str), xyxy, numbers)
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path}: expected frame, class and a box in each row, got {brief(error)}") from error


def _ego(path: Path) -> dict[int, Ego]:
    try:
        return {
            int(row["frame"]): Ego(float(row["speed_mps"]), float(row["yaw_rate_radps"]))
            for row in _read(path)
        }
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path}: expected frame, speed_mps, yaw_rate_radps, got {brief(error)}") from error


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a table of comma-separated values, got: {error}") from error
