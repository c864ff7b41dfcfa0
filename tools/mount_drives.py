"""How well the stage `mount` learns how a camera sits, on rendered drives through the shipped network.

    python -m tools.mount_drives SEED... [--seconds 60] [--rate 10] [--knock DEGREES] [--at 35] [--bumps 0.3]

The camera file is 2 degrees off in pitch and 1.1 in yaw, and the vehicle pitches by `--bumps` degrees in its
standard deviation. With `--knock` the camera looks so many degrees lower from `--at` seconds on. Told are the
errors after 25 s and at the end, in degrees, and at which seconds it was said that the camera has moved:
without a knock each of them is false.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from perception.config import PipelineConfig
from perception.outputs import write_whole
from perception.pipeline import Pipeline
from perception.synthetic import Knock, Shaking, World
from perception.types import Frame, Mount

OFF = math.radians(2.0), math.radians(1.1)  # of the camera file: pitch and yaw
LEARNT_S = 25.0


@dataclass
class Drive:
    seed: int
    setting: str
    speed: float  # m/s
    seconds: float
    pitch_25s: float | None = None  # degrees of error; None: not told
    yaw_25s: float | None = None
    pitch_end: float | None = None
    yaw_end: float | None = None
    said: list[float] = field(default_factory=list)  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="Judge the stage `mount` on rendered drives.")
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=10.0, help="frames a second")
    parser.add_argument("--knock", type=float, help="degrees of pitch")
    parser.add_argument("--at", type=float, default=35.0, help="seconds of the knock")
    parser.add_argument("--bumps", type=float, default=0.3, help="degrees")
    parser.add_argument("--json", type=Path, help="where all metrics go")
    given = parser.parse_args()
    knocks = [] if given.knock is None else [Knock(given.at, math.radians(given.knock))]
    pipeline = PipelineConfig(device="cpu", threads=1, stages=("mount",)).load()
    drives = []
    for seed in given.seeds:
        world = World(seed, shaking=Shaking(knocks, math.radians(given.bumps), seed))
        drives.append(driven(pipeline, world, given.seconds, given.rate))
        print(drives[-1], flush=True)
    if given.json:
        write_whole(given.json, (json.dumps([asdict(drive) for drive in drives], indent=1) + "\n").encode())


def driven(pipeline: Pipeline, world: World, seconds: float, rate: float) -> Drive:
    drive, before = Drive(world.seed, world.layout.setting, world.speed, seconds), ""
    pipeline.reset()
    for frame in _filmed(world, seconds, rate):
        now, mount = frame.stamp_ns / 1e9, pipeline(frame).mount
        true = world.shaking.mounted(world.camera, now)
        error = _off(mount, true.pitch, true.yaw)
        if now <= LEARNT_S:
            drive.pitch_25s, drive.yaw_25s = error
        drive.pitch_end, drive.yaw_end = error
        state = "" if mount is None else mount.state
        drive.said += [now] if state == "moved" != before else []
        before = state
    return drive


def _filmed(world: World, seconds: float, rate: float) -> Iterator[Frame]:
    told = replace(world.camera, pitch=world.camera.pitch + OFF[0], yaw=world.camera.yaw + OFF[1])
    for seq in range(int(seconds * rate)):
        yield replace(world.render(seq / rate).frame, seq=seq, camera=told)


def _off(mount: Mount | None, pitch: float, yaw: float) -> tuple[float | None, float | None]:
    if mount is None:
        return None, None
    of_pitch = None if mount.pitch is None else round(math.degrees(mount.pitch - pitch), 3)
    return of_pitch, None if mount.yaw is None else round(math.degrees(mount.yaw - yaw), 3)


if __name__ == "__main__":
    main()
