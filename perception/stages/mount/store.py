"""A mount that was learnt, in a file of its own: one for each camera."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perception.camera import CameraModel
from perception.errors import PerceptionError, SinkError, brief
from perception.limits import description
from perception.outputs import write_whole
from perception.stages.mount.belief import NAMES

FORMAT = "perception mount 1"
OPEN = ("roll", "height")  # may be null: lines of the road do not tell them
ALIKE = 0.01  # share by which the intrinsics of the same camera may differ

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Saved:
    """Angles in radians, height in metres; None: it was not learnt."""

    camera: tuple[float, ...]  # see `lens_of`
    pitch: float
    yaw: float
    roll: float | None
    height: float | None
    learnt: float  # seconds since 1970

    @property
    def age_s(self) -> float:
        return max(0.0, time.time() - self.learnt)

    def fits(self, camera: CameraModel) -> bool:
        """Whether it was learnt with this camera, at whatever size of its images."""
        pairs = zip(self.camera, lens_of(camera), strict=True)
        return all(abs(was - now) <= ALIKE * max(1.0, abs(was)) for was, now in pairs)


class Store:
    """The file of a mount. What cannot be written is said once; it does not end the run."""

    def __init__(self, path: Path) -> None:
        """Raises PerceptionError if there is another file of that name."""
        self.path = path
        self.saved = _read(path) if path.exists() else None
        self._failed = False

    def save(self, saved: Saved) -> None:
        self.saved = saved
        fields = {"camera": list(saved.camera), **{name: getattr(saved, name) for name in NAMES}}
        table = {"format": FORMAT, "learnt": saved.learnt, **fields}
        try:
            write_whole(self.path, (json.dumps(table, indent=1) + "\n").encode())
        except SinkError as error:
            if not self._failed:
                log.warning("the mount is not saved: %s", error)
            self._failed = True


def lens_of(camera: CameraModel) -> tuple[float, ...]:
    """What tells one camera from another: intrinsics as shares of the image, and the distortion."""
    w, h = camera.size
    return (camera.fx / w, camera.fy / h, camera.cx / w, camera.cy / h, *camera.distortion)


def _read(path: Path) -> Saved:
    try:
        table: dict[str, Any] = description(path.read_text())
        if table.pop("format") != FORMAT:
            raise ValueError("another format")
        camera = tuple(float(number) for number in table.pop("camera"))
        if len(camera) != 9:
            raise ValueError(f"{len(camera)} numbers of a camera in place of 9")
        numbers = {
            name: None if value is None and name in OPEN else float(value) for name, value in table.items()
        }
        mounted = {name: numbers[name] for name in NAMES if numbers[name] is not None}
        # It refuses what no mount can be.
        CameraModel((1, 1), 1.0, 1.0, 0.0, 0.0, **mounted)  # type: ignore[arg-type]
        return Saved(camera, **numbers)  # type: ignore[arg-type]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise PerceptionError(
            f"{path}: expected a mount that was saved before, or no file, got {brief(error)}; "
            "remove it, or give another name"
        ) from error
