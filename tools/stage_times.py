"""How long the stages take a frame, on made-up drives without a network.

    python -m tools.stage_times [--frames N] [--objects 20] [--lines 8] [--json FILE]

Twenty objects, eight lane lines of 48 points and a drivable map in every frame, the own motion known. Three
cameras: a level one, one with a mount (pitch, yaw and roll), and one whose lens also distorts. Nothing is
painted. Times are of the processor, for this thread. The first frames, in which tracks begin, do not count.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from time import thread_time

import numpy as np

from perception.bundle import TaskSpec
from perception.camera import CameraModel
from perception.interfaces import Stage
from perception.outputs import write_whole
from perception.stages import ready
from perception.types import ClassMap, Detections, Ego, Frame, LaneLine, Scene

SIZE = (1280, 720)
LEVEL = CameraModel(SIZE, 1000.0, 1000.0, 640.0, 360.0, height=1.5)
MOUNTED = replace(LEVEL, pitch=0.03, yaw=0.01, roll=-0.01)
CAMERAS = {
    "level": LEVEL,
    "mounted": MOUNTED,
    "distorted": replace(MOUNTED, distortion=(-0.24, 0.06, 0.0, 0.0, 0.0)),
}
CLASSES = ("vehicle", "person")
KINDS = ("solid", "dashed", "road_edge")
CELLS = (640, 360)  # of the drivable map
RATE, WARM, POINTS = 10.0, 20, 48
SPEED, CAR = 15.0, (1.53, 1.8)  # m/s of the own vehicle; metres tall and wide


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the stages on made-up drives.")
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--objects", type=int, default=20)
    parser.add_argument("--lines", type=int, default=8)
    parser.add_argument("--json", type=Path, help="where all metrics go")
    given = parser.parse_args()
    report = {
        name: timed(camera, given.frames, given.objects, given.lines) for name, camera in CAMERAS.items()
    }
    for name, stages in report.items():
        for stage, ms in stages.items():
            print(f"{name:10} {stage:8}" + "".join(f"  {key} {value:6.3f} ms" for key, value in ms.items()))
    if given.json:
        write_whole(given.json, (json.dumps(report, indent=1) + "\n").encode())


def timed(camera: CameraModel, frames: int, objects: int, lines: int) -> dict[str, dict[str, float]]:
    """Stage -> p50, p95 and p99, milliseconds; `all`: their sum of each frame."""
    classes = {"detection": CLASSES, "lanes": KINDS, "drivable": ("other", "drivable")}
    tasks = [TaskSpec(name, own, ()) for name, own in classes.items()]
    stages = ready(None, tasks)  # every one that these tasks allow
    taken: dict[str, list[float]] = {stage.name: [] for stage in stages}
    for frame, scene in drive(camera, frames + WARM, objects, lines):
        follow(stages, frame, scene, taken)
    ms = {name: 1e3 * np.array(times[WARM:]) for name, times in taken.items()}
    ms["all"] = np.sum(list(ms.values()), 0)
    return {name: percentiles(of) for name, of in ms.items()}


def follow(stages: tuple[Stage, ...], frame: Frame, scene: Scene, taken: Mapping[str, list[float]]) -> Scene:
    for stage in stages:
        start = thread_time()
        scene = stage(frame, scene)
        taken[stage.name].append(thread_time() - start)
    return scene


def percentiles(ms: np.ndarray) -> dict[str, float]:
    return {f"p{at}": float(np.percentile(ms, at)) for at in (50, 95, 99)}


def drive(
    camera: CameraModel, frames: int, objects: int, lines: int, seed: int = 1
) -> Iterator[tuple[Frame, Scene]]:
    """Frames and what the tasks saw in them: cars at their own speeds, parallel lines that sway a little."""
    rng = np.random.default_rng(seed)
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    at = np.stack([rng.uniform(8, 60, objects), rng.uniform(-9, 9, objects)], 1)
    speed = rng.uniform(-3, 3, objects)
    for k in range(frames):
        at[:, 0] += speed / RATE
        at[(at[:, 0] < 8) | (at[:, 0] > 60), 0] = 34.0
        nod = replace(camera, pitch=camera.pitch + 0.004 * float(np.sin(k / 5)))
        stamp_ns = int(k / RATE * 1e9)
        seen = tuple(line(nod, n, lines, 0.2 * float(np.sin(k / 20)), rng) for n in range(lines))
        lanes = tuple(x for x in seen if len(x.image))
        scene = Scene(k, stamp_ns, SIZE, cars(nod, at, rng), lanes=lanes, drivable=free(nod, rng))
        yield Frame(image, stamp_ns, k, "made up", camera, Ego(SPEED, 0.01)), scene


def cars(camera: CameraModel, at: np.ndarray, rng: np.random.Generator) -> Detections:
    n = len(at)
    low = camera.project(np.column_stack([at, np.zeros(n)]))
    high = camera.project(np.column_stack([at, np.full(n, CAR[0])]))
    half = camera.fx * CAR[1] / at[:, 0] / 2
    boxes = np.stack([low[:, 0] - half, high[:, 1], low[:, 0] + half, low[:, 1]], 1)
    boxes += rng.normal(0, 0.7, boxes.shape)
    score = rng.uniform(0.4, 0.95, n)
    return Detections(
        boxes.astype(np.float32), score.astype(np.float32), np.arange(n, dtype=np.int32) % 5 // 4
    )


def free(camera: CameraModel, rng: np.random.Generator) -> ClassMap:
    """A road 14 m wide whose edges are off by a few cells in each row."""
    ahead = np.geomspace(3.0, 80.0, 60)
    edges = [camera.project(np.column_stack([ahead, np.full(60, y), np.zeros(60)])) for y in (7.0, -7.0)]
    rows, scale = np.arange(CELLS[1]), CELLS[0] / SIZE[0]
    found = [
        np.interp(-rows, -scale * edge[:, 1], scale * edge[:, 0]) + rng.normal(0, 2, len(rows))
        for edge in edges
    ]
    columns, below = np.arange(CELLS[0]), rows > scale * edges[0][:, 1].min()
    labels = (columns > found[0][:, None]) & (columns < found[1][:, None]) & below[:, None]
    return ClassMap(labels.astype(np.uint8), SIZE)


def line(camera: CameraModel, nth: int, lines: int, sway: float, rng: np.random.Generator) -> LaneLine:
    """One of `lines`, 3.5 m apart; the outermost is the edge of the road."""
    ahead = np.geomspace(5.0, 60.0, POINTS)
    left = 3.5 * ((lines - 1) / 2 - nth) + sway + 0.0006 * ahead**2
    image = camera.project(np.column_stack([ahead, left, np.zeros(POINTS)]))
    image += rng.normal(0, 0.3, image.shape)
    inside = ((image >= 0) & (image < SIZE)).all(1)
    kind = KINDS.index("road_edge") if nth in (0, lines - 1) else nth % 2
    return LaneLine(image[inside].astype(np.float32), None, 0.9, kind)


if __name__ == "__main__":
    main()
