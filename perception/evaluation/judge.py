"""One frame compared with its truth: the evidence of every metric that has something to say about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from perception.evaluation.nothing import NothingThere, OwnVehicle
from perception.evaluation.observe import OWN, PLAIN, Observer
from perception.evaluation.records import FrameRecord
from perception.labels import own_vehicle
from perception.labels.labelled import Still
from perception.labels.synthetic import NAME as SYNTHETIC
from perception.labels.truth import CULANE, DRAWN, EDGES, PARTLY, PARTS, ROAD, TUSIMPLE, Truth
from perception.tasks.detection.metric import AveragePrecision, ObjectsFound
from perception.tasks.drivable.metric import DrivableArea
from perception.tasks.evidence import Evidence
from perception.tasks.lanes.benchmarks import CuLaneLines, TuSimpleLines
from perception.tasks.lanes.metric import (
    DrawnLines,
    FalseLines,
    LineKinds,
    PaintedLines,
    RoadLines,
    canvas_of,
    road_edges,
)
from perception.tasks.signs.metric import OpenSet, SignClasses, SignsRead
from perception.types import Frame, Scene

__all__ = ["PARTS", "SYNTHETIC", "judge", "judged", "seen_in"]

OPEN = "signs.open"


class _Told(Protocol):
    def evidence(self) -> Mapping[str, Evidence]: ...


Said = Iterator[tuple[str, _Told]]  # name of the metrics, a metric that has heard of the frame


def seen_in(stills: Iterable[Still], observer: Observer, parts: Sequence[str] = PARTS) -> list[FrameRecord]:
    """See and judge pictures without detail. Raises DataError, FrameError."""
    records = []
    for seq, still in enumerate(stills):
        frame, truth = still.read(seq)
        records.append(judge(frame, truth, observer, parts=parts, detail=False))
    return records


def judge(
    frame: Frame,
    truth: Truth,
    observer: Observer,
    drive: str = "",
    parts: Sequence[str] = PARTS,
    detail: bool = True,
) -> FrameRecord:
    """See a frame and compare. `detail`: also by size, and calibration. Raises DataError, FrameError."""
    return judged(frame, truth, *observer.look(frame, truth.crop), observer, drive, parts, detail)


def judged(
    frame: Frame,
    truth: Truth,
    scene: Scene,
    unsure: Scene,
    observer: Observer,
    drive: str = "",
    parts: Sequence[str] = PARTS,
    detail: bool = True,
) -> FrameRecord:
    """Compare what `observer.look` saw, the scene and the same with every unsure box. Raises DataError."""
    truth.check_size(frame)
    told = {
        "drivable": lambda: _drivable(truth, scene),
        "lanes": lambda: _lanes(truth, scene, observer.edges),
        "detection": lambda: _objects(truth, scene, unsure, observer.classes, detail),
        "signs": lambda: _signs(truth, scene, observer, detail),
        "ego": lambda: _own_vehicle(truth, scene, observer.classes),
        "blank": lambda: _blank(truth, scene),
    }
    evidence = {
        prefix + (f".{ending}" if ending and ending[0] != "/" else ending): said
        for part in parts
        for prefix, metric in told[part]()
        for ending, said in metric.evidence().items()
    }
    if truth.condition is not None:
        evidence |= {_under(truth.condition, key): said for key, said in evidence.items()}
    sure = {} if scene.confidence is None else {OWN: scene.confidence, PLAIN: unsure.confidence or {}}
    return FrameRecord(
        drive, frame.seq, frame.stamp_ns, frame.source, truth.tags, evidence, dict(scene.timing_ms), sure
    )


def _drivable(truth: Truth, seen: Scene) -> Said:
    if truth.drivable is not None and seen.drivable is not None:
        yield _name("drivable", truth), _heard(DrivableArea(), _empty(seen, drivable=truth.drivable), seen)


def _lanes(truth: Truth, seen: Scene, edges: bool) -> Said:
    """`edges`: whether road edges are looked for."""
    if seen.lanes is None:
        return
    if truth.lines is not None:
        rules: dict[str, Any] = {
            DRAWN: DrawnLines,
            PARTLY: lambda: DrawnLines(whole=False),
            ROAD: RoadLines,
            TUSIMPLE: lambda: TuSimpleLines(truth.rows, truth.crossings),
            CULANE: CuLaneLines,
            EDGES: lambda: DrawnLines(road_edges),
        }
        for rule in truth.rules:
            if rule == EDGES and not edges:
                continue
            name = _name(EDGES if rule == EDGES else "lanes", truth)
            yield name, _heard(rules[rule](), _empty(seen, lanes=truth.lines), seen)
            if rule in (DRAWN, PARTLY):
                yield name, _heard(LineKinds(), _empty(seen, lanes=truth.lines), seen)
    if truth.paint is not None:
        yield _name("lanes", truth, "paint"), _heard(PaintedLines(), truth.paint, seen)
        if truth.trusted:
            yield _name("lanes", truth, "paint"), _heard(FalseLines(), truth.paint, seen)


def _objects(truth: Truth, seen: Scene, unsure: Scene, classes: Sequence[str], detail: bool) -> Said:
    if truth.boxes is None or seen.detections is None:
        return
    name, boxes = _name("detection", truth), truth.boxes
    true, areas = _empty(seen, detections=boxes.detections(classes, seen.size)), boxes.areas(classes)
    yield name, _heard(AveragePrecision(classes, detail), true, unsure, areas)
    yield name, _heard(ObjectsFound(classes, detail), true, seen, areas)
    for level, stricter in truth.levels.items():
        true = _empty(seen, detections=stricter.detections(classes, seen.size))
        yield f"{name}.{level}", _heard(AveragePrecision(classes), true, unsure)


def _signs(truth: Truth, seen: Scene, observer: Observer, detail: bool) -> Said:
    if seen.signs is None:
        return
    if truth.crop is not None:
        true = _empty(seen, signs=truth.crop.signs(observer.sign_classes))
        kind = truth.crop.outside
        yield OPEN, _heard(OpenSet(observer.sign_threshold), true, seen)
        if kind:
            yield f"{OPEN}.{kind}", _heard(OpenSet(observer.sign_threshold), true, seen)
        else:
            yield "signs", _heard(SignClasses(len(observer.sign_classes), detail), true, seen)
    elif truth.signs is not None:
        true = _empty(seen, signs=truth.signs_of(observer.sign_classes))
        yield f"{truth.name('sign')}.sign", _heard(SignsRead(detail), true, seen)


def _own_vehicle(truth: Truth, seen: Scene, classes: Sequence[str]) -> Said:
    if truth.own is not None:
        own = own_vehicle.below(own_vehicle.EDGES[truth.own], canvas_of(seen.size)[1])
        for name in (truth.own, "all"):
            yield f"ego.{name}", _heard(OwnVehicle(classes), own, seen)


def _blank(truth: Truth, seen: Scene) -> Said:
    if truth.blank is not None:
        for name in ("blank", f"blank.{truth.blank}"):
            yield name, _heard(NothingThere(), seen)


def _under(condition: str, key: str) -> str:
    """`detection.acdc.vehicle/found` to `detection.acdc.night.vehicle/found`."""
    name, slash, variant = key.partition("/")
    task, own, *rest = name.split(".")
    return ".".join([task, own, condition, *rest]) + slash + variant


def _name(task: str, truth: Truth, part: str | None = None) -> str:
    name = truth.name(part or task)
    return f"{name}.{task}" if name == SYNTHETIC else f"{task}.{name}"


def _heard(metric: Any, *said: Any) -> Any:
    metric.update(*said)
    return metric


def _empty(seen: Scene, **known: Any) -> Scene:
    """Truth for the picture of `seen`."""
    return replace(Scene(seen.seq, seen.stamp_ns, seen.size), **known)
