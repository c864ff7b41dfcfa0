"""Which CameraModel an image has: of CameraInfo messages and the mount, or of a file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from perception.camera import CameraModel
from perception.camera_files import CameraFile, read_camera
from perception.errors import PerceptionError
from perception.messages import camera_from, is_rectified
from perception.node.parameters import Settings
from perception.types import Size


class Mounted:
    """`problem` says why there is no model, "" if that is as it should be."""

    def __init__(self, settings: Settings) -> None:
        """Raises PerceptionError if the settings name a camera file that cannot be read."""
        self.problem = ""
        self._settings = settings
        self._fixed = _of_file(settings) if settings.camera_file else None
        self._info: Any = None  # the newest message
        self._read: Any = None  # the message that `_camera` is of
        self._camera: CameraModel | None = None

    def hear(self, info: Any) -> None:
        """A CameraInfo came. May be called by another thread."""
        self._info = info

    def camera(self, size: Size) -> CameraModel | None:
        """Of an image of that size; None: not calibrated."""
        info = self._info
        if self._fixed is None and info is not self._read:
            self._read, self._camera = info, self._understood(info)
        camera = self._camera if self._fixed is None else self._fixed.own(size)
        if camera is None:
            return None
        if not camera.fits(size):
            self.problem = f"the camera model is for images of {camera.size}, they are {size}: not used"
            return None
        return camera.at(size)

    def _understood(self, info: Any) -> CameraModel | None:
        mount = self._settings
        try:
            camera = camera_from(
                info,
                mount.camera_height,
                mount.camera_pitch,
                mount.camera_roll,
                mount.camera_yaw,
                is_rectified(mount.image_topic),
            )
        except PerceptionError as error:
            self.problem = str(error)
            return None
        self.problem = "" if camera else "CameraInfo says that the camera is not calibrated"
        return camera


def _of_file(settings: Settings) -> CameraFile:
    """With the mount of the parameters where the file has none."""
    file = read_camera(settings.camera_file)
    if file.says_height:
        return file
    mount = {name: getattr(settings, f"camera_{name}") for name in ("height", "pitch", "roll", "yaw")}
    return replace(file, numbers={**file.numbers, **mount})
