"""Rows of the label files, and errors that name the file and the line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from perception.errors import DataError
from perception.limits import check_png, json_value, reason, regular
from perception.types import Size

HEAD = 4096  # bytes in which most images tell their size
FAR = 1e5  # pixels: no picture reaches so far
FRAME = frozenset((*range(0xC0, 0xD0),)) - {0xC4, 0xC8, 0xCC}  # markers of JPEG frame headers


def csv_rows(path: Path, columns: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, row) of a CSV file with a header. Raises DataError: missing columns, a short row."""
    file = open_text(path)
    reader = csv.DictReader(file)
    missing = set(columns) - set(reader.fieldnames or ())
    if missing:
        raise DataError(
            f"{path}:1: expected the columns {sorted(columns)}, got {reader.fieldnames}. See its README"
        )
    try:
        for row in reader:
            if None in row or None in row.values():
                fields = f"{len(reader.fieldnames or ())} fields"
                raise fault(path, reader.line_num, fields, list(row.values()))
            yield reader.line_num, row
    except csv.Error as error:
        raise fault(path, reader.line_num, "comma-separated values", str(error)) from error


def header(path: Path) -> list[str]:
    """The column names of a CSV file."""
    file = open_text(path)
    return next(csv.reader(file), [])


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of a JSON lines file. Raises DataError."""
    file = open_text(path)
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json_value(line)
        except ValueError as error:
            raise fault(path, number, "one JSON object a line", str(error)) from error
        if not isinstance(row, dict):
            raise fault(path, number, "one JSON object a line", line.strip()[:60])
        yield number, row


def open_text(path: Path) -> Iterable[str]:
    """The lines of a text file, read at once: label files are small."""
    try:
        return regular(path).read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected a readable text file, got {error}. Copy it again") from error


def read_image(path: Path, mode: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """(H, W, 3) uint8 BGR, or with IMREAD_UNCHANGED (H, W) of a mask. Raises DataError."""
    try:
        data = regular(path).read_bytes()
        check_png(data)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except (OSError, ValueError, cv2.error) as error:  # ValueError: a name with a NUL
        raise DataError(f"{path}: expected an image, got {reason(error)}. Is the data complete?") from error
    if image is None:
        raise DataError(f"{path}: expected an image, got a file that is none. Copy the data again")
    return image


def image_size(path: Path) -> Size:
    """(width, height) of an image file, from its first bytes where they tell it. Raises DataError."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise DataError(f"{path}: expected an image, got {reason(error)}. Is the data complete?") from error
    if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) > 24:
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head[:2] == b"\xff\xd8" and b"Exif\0" not in head and (size := _jpeg_size(head)):
        return size
    height, width = read_image(path).shape[:2]  # turned as its EXIF data say
    return width, height


def _jpeg_size(head: bytes) -> Size | None:
    """From the frame header (ITU T.81, B.2.2), if it lies in `head`."""
    at = 2
    while at + 9 < len(head) and head[at] == 0xFF:
        if head[at + 1] in FRAME:
            height, width = (int.from_bytes(head[k : k + 2], "big") for k in (at + 5, at + 7))
            return width, height
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None


def corners(values: Sequence[Any]) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 of a box in pixels. Raises TypeError, ValueError."""
    x1, y1, x2, y2 = (float(value) for value in values)
    check_places(np.array((x1, y1, x2, y2)))
    if not (x1 <= x2 and y1 <= y2):
        raise ValueError(f"a box {x1, y1, x2, y2} with x1 > x2 or y1 > y2")
    return x1, y1, x2, y2


def check_places(coordinates: np.ndarray) -> None:
    """Raises ValueError if some are no places in or near a picture, such as NaN."""
    wrong = coordinates[~(np.abs(coordinates) <= FAR)]
    if len(wrong):
        raise ValueError(f"the coordinate {wrong[0]}, which is in no picture")


def fault(path: Path, line: int, expected: str, got: object) -> DataError:
    return DataError(f"{path}:{line}: expected {expected}, got {got!r}. Mend the line or copy the file again")


def json_file(path: Path) -> Any:
    """The whole of a JSON file. Raises DataError with the line of the fault."""
    try:
        return json_value("".join(open_text(path)))
    except json.JSONDecodeError as error:
        raise fault(path, error.lineno, "JSON", error.msg) from error
    except ValueError as error:
        raise DataError(f"{path}: expected JSON, got {error}. Copy the file again") from error


def counted(counts: Mapping[str, int]) -> str:
    """`812 bicycle, 3 train`: the most frequent first."""
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return ", ".join(f"{number} {name}" for name, number in rows)
