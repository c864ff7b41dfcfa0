"""`Scene.lanes` in JSON, messages, class maps and the gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from perception import messages
from perception.comparison import NEVER, Element, Table, Tolerance, apart, pairs, presence, same
from perception.field import METRE, PIXEL, SCORE, Classes, Field, counted, rounded
from perception.messages import Record
from perception.messages.topics import VEHICLE_FRAME
from perception.tasks.lanes.between import between
from perception.types import LaneLine, Size

Row = dict[str, Any]
Lines = tuple[LaneLine, ...]

PAIRED_WIDTH = 0.03  # lines that lie further apart, as a share of the picture's width, are different ones
EDGE = "road_edge"  # a kind of line that is never taken for paint
LINE_WIDTH = 4 / 640  # of a drawn lane line, as a share of the image's width: lane paint some 15 m ahead
SHIFT = 4  # cv2 draws with 1/16 pixel


class LanesField(Field[Lines]):
    """A list of lines, left to right."""

    name = "lanes"
    task = "lanes"
    topic, message = "lanes", "perception_msgs/msg/LaneArray"
    tolerances: Mapping[str, Table] = {
        "": {
            "points": Tolerance(2.0, 0.02),  # pixels, at the heights that both lines have
            "reach": Tolerance(8.0, 0.05),  # pixels up or down, of the end that moved most
            "road": Tolerance(0.1, 0.05),  # metres
            "score": Tolerance(0.02, 0.02),
            "kind": Tolerance(0, 0.01),
            "missing": Tolerance(0, 0.02),
            "new": Tolerance(0, 0.02),
        },
        "cpu.fp32": {"points": Tolerance(0.5, 0.01), "score": Tolerance(0.002, 0.005)},
        "cuda.trt.int8": {"points": Tolerance(3.0, 0.03)},
        "other": {
            "points": Tolerance(6.0, 0.1),
            "reach": Tolerance(30.0, 0.15),
            "road": Tolerance(0.3, 0.1),
            "score": Tolerance(0.1, 0.1),
            "kind": Tolerance(0, 0.15),
            "missing": Tolerance(0, 0.1),
            "new": Tolerance(0, 0.1),
        },
    }

    def to_json(self, value: Lines, classes: Classes) -> list[Row]:
        return [_to_json(line, classes) for line in value]

    def from_json(self, value: list[Row], classes: Classes) -> Lines:
        ids = {name: k for k, name in enumerate(classes)}
        return tuple(_from_json(row, ids) for row in value)

    def to_message(
        self, value: Lines, classes: Classes, header: Record, vehicle_frame: str = VEHICLE_FRAME
    ) -> Record:
        return messages.lanes(value, classes, header, vehicle_frame)

    def from_message(self, message: Any, classes: Classes, size: Size) -> Lines:
        return messages.lanes_from(message, classes)

    def count(self, value: Lines, classes: Classes) -> Mapping[str, int]:
        return counted([line.kind for line in value], classes)

    def class_map(self, value: Lines, size: Size) -> np.ndarray:
        """Every line 4 pixels wide at 640 (scaled with the image) with the id of its kind, but at least 1, so
        that an "unknown" line is not background; less sure lines lie below surer ones."""
        labels = np.zeros((size[1], size[0]), np.uint8)
        thickness = max(1, round(size[0] * LINE_WIDTH))
        for line in sorted(value, key=lambda line: line.score):
            points = np.round((line.image - 0.5) * (1 << SHIFT)).astype(
                np.int32
            )  # cv2: pixel centres at 0, 1, …
            cv2.polylines(labels, [points], False, max(1, line.kind), thickness, cv2.LINE_8, SHIFT)
        return labels

    def compare(self, was: list[Row], now: list[Row], size: Size) -> Iterator[Element]:
        cost = np.array([[between(a["points"], b["points"])[0] for b in now] for a in was])
        edges, others = (np.array([line["kind"] == EDGE for line in side], bool) for side in (was, now))
        cost = np.where(edges[:, None] == others, cost.reshape(len(was), len(now)), NEVER)
        for a, b in pairs(was, now, cost, PAIRED_WIDTH * size[0]):
            yield from presence(_told(a), _told(b))
            if a is not None and b is not None:
                yield from _compared(a, b)


def _to_json(line: LaneLine, classes: Classes) -> Row:
    road = {} if line.road is None else {"road": rounded(line.road, METRE)}
    row = {"points": rounded(line.image, PIXEL), **road, "score": rounded(line.score, SCORE)}
    row["kind"] = classes[line.kind]
    if line.id is not None or line.predicted or line.role:
        row |= {"id": line.id, "role": line.role, "predicted": line.predicted}
    return row


def _from_json(row: Row, ids: Mapping[str, int]) -> LaneLine:
    road = np.array(row["road"], np.float32).reshape(-1, 2) if "road" in row else None  # null becomes NaN
    points = np.array(row["points"], np.float32).reshape(-1, 2)
    added = {name: row[name] for name in ("id", "role", "predicted") if name in row}
    return LaneLine(points, road, row["score"], ids[row["kind"]], **added)


def _compared(a: Row, b: Row) -> Iterator[Element]:
    """Two that are one line."""
    _, most, reach = between(a["points"], b["points"])
    ends = _ends(a), _ends(b)
    yield Element("points", most, *ends)
    yield Element("reach", reach, *ends)
    yield apart("score", a["score"], b["score"])
    yield same("kind", a["kind"], b["kind"])
    if "road" in a and "road" in b:
        road = [[point[::-1] for point in x["road"] if None not in point] for x in (a, b)]
        if min(map(len, road)) > 1:
            yield Element("road", between(*road)[1], str(a["road"][0]), str(b["road"][0]))


def _told(row: Row | None) -> str | None:
    return None if row is None else f"{row['kind']} of score {row['score']}"


def _ends(row: Row) -> str:
    points: Sequence[Any] = row["points"]
    return f"{points[0]} to {points[-1]}"
