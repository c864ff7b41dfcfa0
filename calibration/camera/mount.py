"""`perception calibrate mount`: from a straight drive to the angles of the camera in its vehicle."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from perception.camera import CameraModel
from perception.camera_files import check_name, write_camera
from perception.config import PipelineConfig
from perception.errors import PerceptionError
from perception.outputs import keep_apart
from perception.pipeline import Outcome, run
from perception.sources import open_source
from perception.sources.calibrated import with_files
from perception.terminal import terminal
from perception.types import Frame, Mount, Scene

TASKS = ("detection", "lanes")
ANGLES = ("pitch", "yaw", "roll")


class Last:
    """A sink that keeps the newest mount, the camera it is of, and whether the camera moved."""

    def __init__(self) -> None:
        self.camera: CameraModel | None = None
        self.mount: Mount | None = None
        self.moved = False

    def write(self, frame: Frame, scene: Scene) -> None:
        self.camera, self.mount = frame.camera, scene.mount
        self.moved = self.moved or (scene.mount is not None and scene.mount.state == "moved")

    def close(self) -> None:
        pass


def mount(
    source: str,
    camera: Path,
    height: float,
    out: Path | None = None,
    ego: Path | None = None,
    config: PipelineConfig | None = None,
    overwrite: bool = False,
) -> CameraModel:
    """Learn the angles over the whole drive and write the camera with them; Ctrl-C ends the drive.

    Raises PerceptionError if the drive does not tell them, the camera moved in it, or `out` cannot hold them;
    SourceError, SinkError.
    """
    out = out or camera
    check_name(out, mount=True)
    keep_apart([out], [source, ego] if out == camera else [source, camera, ego])
    if out.exists() and not overwrite:
        raise PerceptionError(f"{out}: expected a new file, got one that exists; --overwrite replaces it")
    frames = with_files(open_source(source), camera, height, ego)
    last = Last()
    config = replace(config or PipelineConfig(), tasks=TASKS, stages=("mount",))
    with closing(config.load()) as pipeline, _progress() as show:
        run(frames, pipeline, [last], progress=show)
    made = with_mount(source, last)
    write_camera(made, out)
    assert last.mount is not None
    _show(last.mount, made, out, terminal())
    return made


def with_mount(source: str, last: Last) -> CameraModel:
    """The camera with the angles that the drive told. Raises PerceptionError if it did not tell them."""
    told = last.mount
    if last.moved:
        raise PerceptionError(
            f"{source}: expected a camera that stays as it is, got one that moved; use the drive after that"
        )
    if told is None or last.camera is None or told.state != "calibrated":
        state = "unknown" if told is None else told.state
        raise PerceptionError(
            f"{source}: expected a drive that tells the mount, got state {state!r} at its end; "
            "drive straight for a minute, with lane lines and things beside the road in view"
        )
    angles = {name: getattr(told, name) for name in ANGLES}
    return replace(last.camera, **{name: value for name, value in angles.items() if value is not None})


@contextmanager
def _progress() -> Iterator[Callable[[Outcome], None]]:
    parts = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*parts, console=terminal(stderr=True), transient=True) as bar:
        line = bar.add_task("watching the drive", total=None)
        yield lambda outcome: bar.update(line, description=f"{outcome.answered} frames")


def _show(told: Mount, made: CameraModel, out: Path, console: Console) -> None:
    for name in ANGLES:
        value, sigma = getattr(told, name), told.sigma.get(name)
        text = f"not told by this drive, {math.degrees(getattr(made, name)):.2f} degrees kept"
        if value is not None and sigma is not None:
            text = f"{math.degrees(value):.2f} ± {math.degrees(sigma):.2f} degrees"
        console.print(f"{name} {text}", highlight=False)
    if told.height is not None and abs(told.height - made.height) > 2 * told.sigma["height"]:
        console.print(
            f"the drive says a height of {told.height:.2f} ± {told.sigma['height']:.2f} m, not "
            f"{made.height:.2f} m; measure it again",
            highlight=False,
        )
    console.print(str(out), soft_wrap=True, highlight=False, markup=False)
