"""Judge the stages on drives with a plot whose pictures are not painted: boxes and lines come from geometry.

    python -m tools.scenario_events SEED... [--names NAME,NAME] [--json FILE]

The drives are those of `scenario:NAME:SEED`, with the same truth of objects, speeds and events, but a hundred
times faster. What a network would see is made up: edges of boxes are off by 0.8 pixels and 2 % of their size,
half of it slowly changing; low and hidden objects are missed; cyclists are sometimes taken for motorbikes;
lines end early, sway by 1.2 pixels and are gone for up to 0.5 s. The drives named `limit` are left out, as
signs are not made up. Two runs give the same metrics.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from perception.bundle import TaskSpec
from perception.evaluation.records import gather
from perception.evaluation.tracking.over_time import OverTime
from perception.labels.moving import Happening, moving_of
from perception.labels.truth import Truth
from perception.outputs import write_whole
from perception.stages import ready
from perception.synthetic.blocks import BLOCK
from perception.synthetic.cameras import default_camera
from perception.synthetic.layout import ROAD_EDGE
from perception.synthetic.road import Strip
from perception.synthetic.scenario_world import ScenarioWorld
from perception.synthetic.scenarios import SCENARIOS
from perception.synthetic.scenery import Parked, Standing
from perception.synthetic.traffic import CYCLIST, MOTORBIKE, PERSON, VEHICLE, Mover
from perception.synthetic.vehicles import Vehicle
from perception.synthetic.who import Who, who
from perception.synthetic.world import VIEW
from perception.tasks import detection, lanes
from perception.tasks.evidence import Counts, Evidence, known, weighted
from perception.types import Detections, Frame, LaneLine, Scene

CAMERA = default_camera()
SIZE = CAMERA.size
SMALL = CAMERA.scaled((128, 72))  # nothing is painted with it
RATE, CELL = 10.0, 8  # frames a second; pixels of a cell in which objects hide each other
FARTHEST, NEAREST = 150.0, 0.6  # metres
FIGURE, RIDER = (0.2, 0.25, 1.72), (0.85, 0.3, 1.72)  # metres: half length, half width, height
WHOLE, SHARE = 0.85, 0.35  # of an object in sight: it is seen whole, it is judged
EDGE, EDGE_SHARE = 0.8, 0.02  # of an edge of a box: pixels, share of its size
LEAST = 0.4  # score
MISTAKEN = (0.15, 0.4)  # share of the cyclists that are taken for motorbikes, and of the frames of these
GONE, LONGEST = 0.02, 6  # a line is gone for up to so many frames
SWAY, ROUGH = 1.2, 0.5  # pixels, of a whole line and of its points
PAINT, KERB = 0.12, 0.15  # metres wide


Thing = Parked | Standing | Mover


@dataclass
class Errors:
    """Of one object or line, from frame to frame."""

    slow: np.ndarray
    own: float  # what stays
    gone: int = 0


@dataclass
class Eye:
    """What a network would see; it errs in its own way for each object."""

    rng: np.random.Generator
    objects: dict[int, Errors] = field(default_factory=dict)
    lines: dict[int, Errors] = field(default_factory=dict)

    def boxes(self, whole: Detections, share: np.ndarray) -> Detections:
        """`share` (n,): of each object that is in sight."""
        assert whole.track is not None
        seen = [self._box(whole, k, share[k]) for k in range(len(whole))]
        kept = sorted((x for x in seen if x[1] >= LEAST), key=lambda x: -x[1])
        return Detections(
            np.array([x[0] for x in kept], np.float32).reshape(-1, 4),
            np.array([x[1] for x in kept], np.float32),
            np.array([x[2] for x in kept], np.int32),
        )

    def _box(self, whole: Detections, k: int, share: float) -> tuple[np.ndarray, float, int]:
        assert whole.track is not None
        rng, box, class_id = self.rng, whole.xyxy[k].astype(np.float64), int(whole.class_id[k])
        number = int(whole.track[k])
        if number not in self.objects:
            self.objects[number] = Errors(rng.normal(0, 1, 5), rng.random())
        own = self.objects[number]
        own.slow = 0.9 * own.slow + 0.44 * rng.normal(0, 1, 5)
        sigma = EDGE + EDGE_SHARE * np.tile(box[2:] - box[:2], 2) * (1.0 if share > 0.8 else 1.5)
        box = np.clip(box + 0.7 * sigma * (own.slow[:4] + rng.normal(0, 1, 4)), 0, (*SIZE, *SIZE))
        odds = 0.9 + 1.6 * np.log(max(whole.xyxy[k, 3] - whole.xyxy[k, 1], 1) / 22) + 2 * (share - 0.8)
        mistaken = class_id == CYCLIST and own.own < MISTAKEN[0] and rng.random() < MISTAKEN[1]
        score = float(min(1 / (1 + np.exp(-odds - 0.6 * own.slow[4])), 0.97))
        return box, score, MOTORBIKE if mistaken else class_id

    def line(self, number: int, image: np.ndarray) -> np.ndarray | None:
        """Points (n, 2) of a line in the image; None: it is not seen."""
        rng = self.rng
        own = self.lines.setdefault(number, Errors(rng.normal(0, 1, 2), 0.0))
        own.slow = 0.8 * own.slow + 0.6 * rng.normal(0, 1, 2)
        own.gone = own.gone - 1 if own.gone else int(rng.integers(1, LONGEST)) * (rng.random() < GONE)
        if own.gone or len(image) < 6 or np.ptp(image, 0).max() < 0.04 * SIZE[0]:
            return None
        sway = SWAY * (own.slow[0] + own.slow[1] * np.linspace(-1, 1, len(image)))
        return image + np.column_stack([sway + ROUGH * rng.normal(0, 1, len(image)), np.zeros(len(image))])


def main() -> None:
    parser = argparse.ArgumentParser(description="Judge the stages on drives whose pictures are not painted.")
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--names", default=",".join(x for x in SCENARIOS if x != "limit"))
    parser.add_argument("--json", type=Path, help="where all metrics go")
    given = parser.parse_args()
    said = [x for seed in given.seeds for name in given.names.split(",") for x in judged(name, seed)]
    found = known(weighted(gather(said), np.ones((1, len(said)))))
    told = counts(said)
    for key, of in told.items():
        print(f"{key:16}" + "".join(f"  {name} {number:3}" for name, number in of.items()))
    for key, value in found.items():
        if key.startswith(("events.", "distance.scenario.vehicle", "speed.scenario.vehicle")):
            print(f"{key:44} {value:.3f}")
    if given.json:
        write_whole(given.json, (json.dumps({"metrics": found, "counts": told}, indent=1) + "\n").encode())


def counts(said: list[Mapping[str, Evidence]]) -> dict[str, dict[str, int]]:
    """By event: told rightly and falsely, happened and found or missed."""
    sums: dict[str, np.ndarray] = {}
    for evidence in said:
        for key, own in evidence.items():
            if key.endswith("/told"):
                name = key.removesuffix("/told").rpartition(".")[2]
                assert isinstance(own, Counts)
                sums[name] = sums.get(name, np.zeros(4)) + own.values
    names = ("right", "false", "found", "missed")
    return {key: dict(zip(names, own.astype(int).tolist(), strict=True)) for key, own in sums.items()}


def judged(name: str, seed: int) -> list[Mapping[str, Evidence]]:
    """The evidence of each frame of a drive, and that of the whole."""
    tasks = [TaskSpec("detection", detection.CLASSES, ()), TaskSpec("lanes", lanes.CLASSES, ())]
    stages = [x for x in ready(None, tasks) if x.name != "mount"]
    whole, said = OverTime(detection.CLASSES), list[Mapping[str, Evidence]]()
    for frame, truth, scene in drive(name, seed):
        for stage in stages:
            scene = stage(frame, scene)
        said.append(whole.add(frame, truth, scene))
    return [*said, whole.end()]


def drive(name: str, seed: int) -> Iterator[tuple[Frame, Truth, Scene]]:
    """Frames without a picture, the truth, and what a network would see."""
    world = ScenarioWorld(name, seed, SMALL)
    eye = Eye(np.random.default_rng((seed, 77, list(SCENARIOS).index(name))))
    image = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (*SIZE[::-1], 3))
    for k in range(int(world.scenario.seconds * RATE)):
        s, d, yaw = world.pose(k / RATE)
        strip = world.course.strip(s, d, yaw)
        things = around(world, k / RATE, s)
        true, share, hidden, cells = objects(things, strip)
        stamp_ns = round(k / RATE * 1e9)
        told = world.happened(k / RATE, things, Scene(k, stamp_ns, SIZE, true))
        happenings = tuple(Happening(x.name, x.sure, x.number, x.value, x.left) for x in told)
        moving = moving_of(true, detection.CLASSES, hidden, happenings)
        truth = Truth("scenario", moving=moving)
        seen = tuple(lines(world, strip, eye, cells))
        frame = Frame(image, stamp_ns, k, f"scenario:{name}:{seed}", CAMERA, world.ego(k / RATE))
        yield frame, truth, Scene(k, stamp_ns, SIZE, eye.boxes(true, share), lanes=seen)


def around(world: ScenarioWorld, t: float, s: float) -> list[Thing]:
    """What may be on the road, near `s` along it."""
    numbers = range(int((s - 15) // BLOCK), int((s + VIEW) // BLOCK) + 1)
    fixed = [x for k in numbers for x in world.block(k).items if isinstance(x, Parked | Standing)]
    return [*fixed, *world.movers(t, s)]


def objects(things: list[Thing], strip: Strip) -> tuple[Detections, np.ndarray, np.ndarray, np.ndarray]:
    """The truth of what is in sight, the share of each that is, boxes (k, 4) of the rest, and a coarse image
    of numbers, -1 where nothing stands."""
    shown = sorted((x for thing in things for x in _shown(thing, strip)), key=lambda x: -x[0])
    cells = np.full((SIZE[1] // CELL, SIZE[0] // CELL), -1)
    places = [_window(box) for _, box, _, _ in shown]
    for k, place in enumerate(places):
        cells[place] = k
    kept, rest = list[tuple[np.ndarray, int, Who, float]](), list[np.ndarray]()
    for k, (_, outline, class_id, own) in enumerate(shown):
        box, share = _in_sight(outline, cells == k, places[k])
        if share <= 0:
            continue
        small = max(box[2:] - box[:2]) < 6 or min(box[2:] - box[:2]) < 2
        if share < SHARE or small:
            rest.append(box)
        else:
            kept.append((box, class_id, own, share))
    found = Detections(
        np.array([x[0] for x in kept], np.float32).reshape(-1, 4),
        np.ones(len(kept), np.float32),
        np.array([x[1] for x in kept], np.int32),
        np.array([x[2].number for x in kept], np.int64),
        road=np.array([x[2].road for x in kept], np.float32).reshape(-1, 2),
        velocity=np.array([x[2].velocity for x in kept], np.float32).reshape(-1, 2),
    )
    return found, np.array([x[3] for x in kept]), np.array(rest, np.float32).reshape(-1, 4), cells


def _shown(thing: Thing, strip: Strip) -> Iterator[tuple[float, np.ndarray, int, Who]]:
    """Its distance, outline (4,) in pixels, class, and what is known of it; nothing if it is not ahead."""
    at, turn = strip.to_vehicle(thing.s, thing.d), float(strip.turn(thing.s))
    points = _corners(thing, at, turn + thing.yaw)
    if not 2 <= at[0] <= FARTHEST or points[:, 0].min() < NEAREST:
        return
    image = CAMERA.project(points)
    outline = np.concatenate([image.min(0), image.max(0)])
    inside = np.clip(outline, 0, (*SIZE, *SIZE))
    if np.isfinite(outline).all() and (inside[2:] - inside[:2]).min() >= 2:
        class_id = thing.class_id if isinstance(thing, Mover) else VEHICLE
        class_id = PERSON if isinstance(thing, Standing) else class_id
        yield float(np.hypot(*at)), outline, class_id, who(thing, at, turn)


def _corners(thing: Thing, at: np.ndarray, yaw: float) -> np.ndarray:
    """(8, 3) metres, vehicle frame: a box, narrower at the top if it is a vehicle."""
    body = thing.body if isinstance(thing, Mover) else thing.vehicle if isinstance(thing, Parked) else None
    rides = isinstance(thing, Mover) and thing.class_id in (CYCLIST, MOTORBIKE)
    (long, wide, tall), top = RIDER if rides else FIGURE, (1.0, 1.0)
    if isinstance(body, Vehicle):
        long, wide, tall, top = body.length / 2, body.width / 2, body.height, (0.9, 0.85)
    plan = np.array([(a, b) for a in (-1, 1) for b in (-1, 1)]) * (long, wide)
    turned = np.array([(np.cos(yaw), np.sin(yaw)), (-np.sin(yaw), np.cos(yaw))])
    low, high = plan @ turned + at, plan * top @ turned + at
    return np.concatenate([np.column_stack([low, np.zeros(4)]), np.column_stack([high, np.full(4, tall)])])


def _window(outline: np.ndarray) -> tuple[slice, slice]:
    x1, y1, x2, y2 = np.clip(outline, 0, (*SIZE, *SIZE)) / CELL
    return slice(int(y1), int(np.ceil(y2))), slice(int(x1), int(np.ceil(x2)))


def _in_sight(outline: np.ndarray, mine: np.ndarray, place: tuple[slice, slice]) -> tuple[np.ndarray, float]:
    """The box (4,) of what can be seen of it, and the share that can be."""
    box, count = np.clip(outline, 0, (*SIZE, *SIZE)), np.count_nonzero(mine)
    clear = count / max(mine[place].size, 1)
    share = clear * np.prod(box[2:] - box[:2]) / max(np.prod(outline[2:] - outline[:2]), 1e-6)
    if 0 < clear < WHOLE:
        rows, columns = np.flatnonzero(mine.any(1)), np.flatnonzero(mine.any(0))
        seen = CELL * np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)
        box = np.concatenate([np.maximum(seen[:2], box[:2]), np.minimum(seen[2:], box[2:])])
    return box, float(share)


def lines(world: ScenarioWorld, strip: Strip, eye: Eye, cells: np.ndarray) -> Iterator[LaneLine]:
    """Painted lines and edges of the road, where no object hides them."""
    here = float(np.interp(0.0, strip.xy[:, 0], strip.s))
    painted = [(x.d, x.kind, PAINT) for x in world.layout.lines]
    for number, (d, kind, wide) in enumerate([*painted, *((d, ROAD_EDGE, KERB) for d in world.layout.edges)]):
        end = wide * CAMERA.fx * 640 / SIZE[0] / 0.75
        ahead = np.concatenate([np.arange(0.5, 20, 0.5), np.arange(20, max(end, 20), 1.5)])
        road = strip.to_vehicle(here + ahead, d)
        image = CAMERA.project(np.column_stack([road, np.zeros(len(road))]))
        place = np.nan_to_num(image, nan=-1.0)
        clear = ((place >= 0) & (place < SIZE)).all(1)
        column, row = (place[clear] // CELL).astype(int).T
        clear[clear] = cells[row, column] < 0
        seen = eye.line(number, image[clear])
        if seen is not None:
            yield LaneLine(seen.astype(np.float32), CAMERA.to_road(seen).astype(np.float32), 0.9, kind)


if __name__ == "__main__":
    main()
