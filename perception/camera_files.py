"""Cameras in files: our JSON, the YAML of ROS's camera_calibration, and KITTI's calibration text.

Our format says everything. A ROS file has no mount; a KITTI file of the object or tracking benchmark not even
the size of the images. Both count pixels from the centre of the first one, we from its corner.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from perception.camera import FISHEYE, PINHOLE, CameraModel
from perception.errors import PerceptionError, brief
from perception.limits import description, yaml_description
from perception.outputs import write_whole

Size = tuple[int, int]

HALF = 0.5  # pixel
LENSES = {"plumb_bob": PINHOLE, "rational_polynomial": PINHOLE, "equidistant": FISHEYE, "": PINHOLE}
ROS = (".yaml", ".yml")
KITTI = ("P_rect_02", "P2")  # of the left colour camera, rectified

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CameraFile:
    """What a file says of a camera."""

    path: Path
    numbers: Mapping[str, Any]  # fields of CameraModel, without the size
    size: Size | None  # None: the file does not say it
    says_height: bool = False

    def own(self, size: Size) -> CameraModel:
        """The camera as the file has it, of images of `size` if the file does not say theirs."""
        return CameraModel(size=self.size or size, **self.numbers)

    def at(self, size: Size) -> CameraModel:
        """The camera for images of a size: its own resized, or of whatever size if the file does not say it.

        Raises PerceptionError for another shape than the camera's.
        """
        return self.own(size).at(size)


def read_camera(path: str | Path, height: float | None = None) -> CameraFile:
    """`height`: of the camera above the road, metres, in place of what the file says.

    Raises PerceptionError if the file is none of the formats.
    """
    path = Path(path)
    read = {**dict.fromkeys(ROS, _ros), ".txt": _kitti}.get(path.suffix.lower(), _ours)
    try:
        file = read(path)
        file.at(file.size or (round(2 * file.numbers["cx"]), round(2 * file.numbers["cy"])))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise PerceptionError(
            f"{path}: expected a camera as our JSON, ROS camera_info YAML or KITTI calibration text, "
            f"got {brief(error)}"
        ) from error
    if height is not None:
        return replace(file, numbers={**file.numbers, "height": height}, says_height=True)
    if not file.says_height:
        log.warning(
            "%s does not say how high the camera is above the road; %.1f m is assumed (--camera-height)",
            path,
            CameraModel.height,
        )
    return file


def check_name(path: Path, mount: bool = False) -> None:
    """Raises PerceptionError if `write_camera` cannot keep a camera there, or with `mount` not its mount."""
    suffix = path.suffix.lower()
    if suffix == ".txt" or (mount and suffix in ROS):
        lacks = "KITTI's format is only read" if suffix == ".txt" else "ROS's format has no mount"
        wanted = f"{path.with_suffix('.json')}{'' if mount else ', or .yaml for ROS'}"
        raise PerceptionError(
            f"{path}: expected a file such as {wanted}, got {suffix}: {lacks}; choose another --out"
        )


def write_camera(camera: CameraModel, path: str | Path, height: bool = True) -> None:
    """As the suffix says: .yaml for ROS, without the mount; else our JSON.

    `height`: whether the camera's is known; else the file does not say it.

    Raises SinkError; PerceptionError for a name of another format.
    """
    path = Path(path)
    check_name(path)
    if path.suffix.lower() in ROS:
        write_whole(path, _ros_text(camera).encode())
    else:
        camera.save(path, height)


def _ours(path: Path) -> CameraFile:
    fields: dict[str, Any] = description(path.read_text())
    width, height = fields.pop("size")
    if "distortion" in fields:
        fields["distortion"] = tuple(fields["distortion"])
    return CameraFile(path, fields, (width, height), "height" in fields)


def _ros(path: Path) -> CameraFile:
    table = yaml_description(path.read_text(), several=True)  # `ros2 topic echo` ends messages with ---
    table = {key.lower(): value for key, value in table.items()}
    if "camera_matrix" in table:  # of a calibration
        k, numbers = (table[name]["data"] for name in ("camera_matrix", "distortion_coefficients"))
        size = (int(table["image_width"]), int(table["image_height"]))
    else:  # a message, as `ros2 topic echo` prints it
        k, numbers, size = table["k"], table["d"], (int(table["width"]), int(table["height"]))
    model, numbers = str(table.get("distortion_model", "")), [float(number) for number in numbers]
    lens = LENSES.get(model)
    if lens is None or any(numbers[4 if lens == FISHEYE else 5 :]):
        raise ValueError(f"a lens {model!r} with {numbers}; known are {', '.join(filter(None, LENSES))}")
    bends = tuple((numbers + [0.0] * 5)[:5])
    fx, _, cx, _, fy, cy = (float(number) for number in k[:6])
    return CameraFile(path, _centred(fx, fy, cx, cy) | {"distortion": bends, "lens": lens}, size)


def _kitti(path: Path) -> CameraFile:
    rows: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        key, *numbers = line.replace(":", " ").split() or [""]  # some files leave the colon out
        rows[key] = numbers
    found = next((key for key in KITTI if len(rows.get(key, ())) == 12), None)
    if found is None:
        raise ValueError(f"no line {' or '.join(KITTI)} with 12 numbers")
    fx, _, cx, _, _, fy, cy = map(float, rows[found][:7])
    size = None
    if "S_rect_02" in rows:
        width, height = map(float, rows["S_rect_02"])
        size = (int(width), int(height))
    return CameraFile(path, _centred(fx, fy, cx, cy), size)


def _centred(fx: float, fy: float, cx: float, cy: float) -> dict[str, Any]:
    """Of a camera whose pixel 0 is centred at 0."""
    return {"fx": fx, "fy": fy, "cx": cx + HALF, "cy": cy + HALF}


def _ros_text(camera: CameraModel) -> str:
    """As camera_calibration_parsers writes it: every matrix with rows, cols and data."""
    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx - HALF, camera.cy - HALF
    fisheye = camera.lens == FISHEYE
    bends = camera.distortion[: 4 if fisheye else 5]
    parts = {
        "camera_matrix": (3, 3, (fx, 0, cx, 0, fy, cy, 0, 0, 1)),
        "distortion_coefficients": (1, len(bends), bends),
        "rectification_matrix": (3, 3, (1, 0, 0, 0, 1, 0, 0, 0, 1)),
        "projection_matrix": (3, 4, (fx, 0, cx, 0, 0, fy, cy, 0, 0, 0, 1, 0)),
    }
    lines = [f"image_width: {camera.size[0]}", f"image_height: {camera.size[1]}", "camera_name: camera"]
    lines.append(f"distortion_model: {'equidistant' if fisheye else 'plumb_bob'}")
    for name, (rows, cols, data) in parts.items():
        numbers = ", ".join(repr(float(number)) for number in data)
        lines += [f"{name}:", f"  rows: {rows}", f"  cols: {cols}", f"  data: [{numbers}]"]
    return "\n".join(lines) + "\n"
