"""Labels of the Scalabel tool, in which BDD100K is written: boxes and curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from perception.labels.boxes import UNSURE, Box
from perception.labels.classes import Names
from perception.labels.rows import check_places, corners
from perception.labels.truth import DRAWN, EDGES
from perception.tasks import lanes
from perception.types import ClassMap, LaneLine, Size

NAMES = {  # of both versions of BDD100K to ours
    "car": "vehicle",
    "bus": "vehicle",
    "truck": "vehicle",
    "person": "person",
    "pedestrian": "person",
    "traffic light": "traffic_light",
    "traffic sign": "traffic_sign",
}
REGIONS = {  # boxes in which a class of ours is not judged
    "rider": "person",
    "other person": "person",
    "train": "vehicle",
    "trailer": "vehicle",
    "other vehicle": "vehicle",
}
CATEGORIES = (*REGIONS, "bicycle", "bike", "motorcycle", "motor")  # boxes that are no class of ours
CURB, NO_LINE = "road curb", "crosswalk"
PAINT = tuple(
    f"{count} {colour}" for count in ("single", "double") for colour in ("white", "yellow", "other")
)
UNKNOWN_KIND = "lane lines of the unknown kind"
AREAS = ("drivable area", "direct", "alternative", "area/drivable", "area/alternative")
STEPS = 12  # pieces of a curve
UNKNOWN = "undefined"


def attributes(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Tags: `weather:rainy`, `timeofday:night`, `scene:city street`."""
    return tuple(f"{key}:{value}" for key, value in sorted(row.items()) if value != UNKNOWN)


def box(label: Mapping[str, Any], names: Names) -> Box | None:
    """None: no class of ours. `names`: of `NAMES` and of the user. Raises KeyError, TypeError, ValueError."""
    place, name = label["box2d"], str(label["category"])
    xyxy = corners([place[key] for key in ("x1", "y1", "x2", "y2")])
    crowd = (label.get("attributes") or {}).get("crowd")
    own = names(name)
    ours = own or REGIONS.get(name)
    extra = UNSURE if crowd or own is None else names.sign(name)
    return Box(xyxy, ours, extra) if ours in names.objects else None


@dataclass(frozen=True)
class Poly:
    """A polyline or polygon, curves already made of short straight pieces."""

    points: tuple[tuple[float, float], ...]
    category: str
    style: str  # solid or dashed, of a lane line
    direction: str  # parallel to the road or vertical to it
    asked: str | None = None  # the kind that its user says it is, "": none

    @classmethod
    def of(cls, label: Mapping[str, Any], row: Mapping[str, Any], kinds: Mapping[str, str]) -> Poly:
        """`kinds`: what a marking is, as its user says. Raises KeyError, TypeError, ValueError."""
        more = label.get("attributes") or {}
        category = str(label["category"])
        kind = str(more.get("laneTypes") or more.get("laneType") or category.removeprefix("lane/"))
        vertices = [(float(x), float(y)) for x, y, *_ in row["vertices"]]
        check_places(np.array(vertices))
        points = flattened(vertices, str(row.get("types") or "L" * len(vertices)))
        name = category if category in AREAS else f"lane/{kind}"
        style, direction = str(more.get("laneStyle", "")), str(more.get("laneDirection", "parallel"))
        return cls(points, name, style, direction, kinds.get(kind))

    @property
    def marking(self) -> str:
        """Of a lane line, as the data set calls it: `single white`."""
        return self.category.removeprefix("lane/")

    @property
    def drivable(self) -> bool:
        return self.category in AREAS and len(self.points) > 2

    @property
    def lane(self) -> bool:
        """A line along the road, or its edge."""
        along = self.direction == "parallel" and self.category != f"lane/{NO_LINE}"
        return self.category not in AREAS and along and len(self.points) > 1 and self.asked != ""

    @property
    def known(self) -> bool:
        """Of a lane line: is its kind one of BDD100K's?"""
        return self.marking in (*PAINT, CURB, NO_LINE)

    @property
    def kind(self) -> int:
        """Of the lane line: a curb is the edge of the road."""
        name = self.asked or ("road_edge" if self.marking == CURB else self.marking.partition(" ")[0])
        return next((lanes.CLASSES.index(x) for x in (name, self.style) if x in lanes.CLASSES), 0)


def flattened(vertices: Sequence[tuple[float, float]], types: str) -> tuple[tuple[float, float], ...]:
    """Points of a path: L a corner; C and the two vertices behind it a cubic Bezier curve."""
    points = list(vertices[:1])
    i = 1
    while i < len(vertices):
        if types[i : i + 1] == "C" and i + 2 < len(vertices):
            points += _bezier(np.array([points[-1], *vertices[i : i + 3]]))
            i += 3
        else:
            points.append(vertices[i])
            i += 1
    return tuple(points)


def _bezier(corners: np.ndarray) -> list[tuple[float, float]]:
    t = np.linspace(0, 1, STEPS + 1)[1:, None]
    weights = np.concatenate([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], 1)
    return [(float(x), float(y)) for x, y in weights @ corners]


@dataclass(frozen=True)
class Curves:
    """The lane lines of a picture (`record.Lines`)."""

    polys: tuple[Poly, ...]
    rules: tuple[str, ...] = (DRAWN, EDGES)
    rows: tuple[int, ...] = ()
    crossings: tuple[tuple[float, ...], ...] = ()

    def read(self) -> tuple[LaneLine, ...]:
        return tuple(line(poly) for poly in self.polys)


@dataclass(frozen=True)
class Polygons:
    """The drivable area of a picture (`record.Area`)."""

    polys: tuple[Poly, ...]

    def area(self, size: Size) -> ClassMap:
        return ClassMap(area(self.polys, size), size)


def line(poly: Poly) -> LaneLine:
    """From near to far."""
    points = np.array(poly.points, np.float32)
    if points[0, 1] < points[-1, 1]:
        points = points[::-1]
    return LaneLine(np.ascontiguousarray(points), None, 1.0, poly.kind)


def area(polys: Iterable[Poly], size: Size) -> np.ndarray:
    """(H, W) uint8: 1 in a polygon."""
    labels = np.zeros(size[::-1], np.uint8)
    for poly in polys:
        cv2.fillPoly(labels, [np.round(np.array(poly.points)).astype(np.int32)], 1)
    return labels
