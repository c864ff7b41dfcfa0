"""What `perception serve` does: one record, from the command line or a YAML file (docs/serve.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from perception import bundle as bundles
from perception.bundle import ModelSpec, TaskSpec
from perception.camera import HIGHEST, LOWEST
from perception.camera_files import read_camera
from perception.config import PipelineConfig
from perception.crop import Crop
from perception.devices import AUTO
from perception.errors import DataError, PerceptionError
from perception.input_size import InputSize
from perception.limits import yaml_description
from perception.load import ON_CUDA, files_of, select
from perception.redaction import redacted
from perception.shedding import order
from perception.stages import ready

PORT = 8088
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
GB = 1 << 30
Check = Callable[[Any], Any]  # the value as it is used; raises ValueError with what is expected


@dataclass(frozen=True)
class CameraConfig:
    """One camera. All but the first two may also be given once for all cameras."""

    name: str
    source: str
    camera: Path | None = None  # calibration file
    camera_height: float | None = None  # metres
    ego: Path | None = None  # table of the own motion, or a topic, of a recording
    bundle: Path | None = None
    device: str = "auto"
    tasks: tuple[str, ...] | None = None  # None: all
    precision: str = "int8"
    input_size: str = "auto"
    crop: str | None = None
    runtime: str = "auto"
    stages: tuple[str, ...] | None = None  # None: all that the tasks allow
    mount: Path | None = None  # where the learnt angles of the camera are kept
    shed: tuple[str, ...] | None = None  # see `perception.shedding.order`

    def pipeline(self, threads: int) -> PipelineConfig:
        own = {f.name: getattr(self, f.name) for f in fields(PipelineConfig) if f.name != "threads"}
        return PipelineConfig(**own, threads=threads)


@dataclass(frozen=True)
class ServeConfig:
    cameras: tuple[CameraConfig, ...]
    host: str = "127.0.0.1"
    port: int = PORT
    token_file: Path | None = None  # made if it is not there; None: a new token at every start
    hosts: tuple[str, ...] = ()  # further names by which browsers reach the server
    threads: int | None = None  # of all pipelines together; None: the cores
    deadline_ms: float = 200.0  # older scenes are late, and withheld if there are many
    recordings: Path | None = None  # folder; None: nothing is recorded
    quota_gb: float = 20.0
    keep_s: float = 30.0  # in memory, for "save the last seconds"; 0: none
    quality: int = 80  # of JPEG


def read(path: str | Path) -> ServeConfig:
    """Raises DataError: it cannot be read, or a key or value is none."""
    path = Path(path)
    try:
        said = yaml_description(path.read_text())
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{path}: expected a configuration as YAML, got: {error}") from error
    return parsed(said, str(path))


def parsed(said: Any, where: str) -> ServeConfig:
    """Of the values of a YAML file."""
    top = _mapping(said, where)
    cameras = _mapping(top.get("cameras"), f"{where}: cameras")
    if not cameras:
        raise DataError(f"{where}: cameras: expected at least one NAME: {{source: ...}}, got none")
    shared = {key: value for key, value in top.items() if key in CAMERA and key != "source"}
    own = {key: value for key, value in top.items() if key != "cameras" and key not in shared}
    read = tuple(
        _camera(name, {**shared, **_mapping(values, f"{where}: cameras.{name}")}, where)
        for name, values in cameras.items()
    )
    return ServeConfig(read, **_checked(own, SERVER, where))


def named(sources: Iterable[str], options: Mapping[str, Any]) -> tuple[CameraConfig, ...]:
    """Of `NAME=SOURCE`, or of sources alone, which are called camera1, camera2, ..."""
    found: dict[str, str] = {}
    for number, text in enumerate(sources, 1):
        name, given, source = text.partition("=")
        if not given or not NAME.fullmatch(name):
            name, source = f"camera{number}", text
        if name in found:
            raise DataError(f"{name}: expected a name of its own for each camera, got it twice")
        found[name] = source
    return tuple(CameraConfig(name, source, **options) for name, source in found.items())


def check(config: ServeConfig) -> list[str]:
    """What will be done, a line each. Raises DataError for what cannot. No camera, no device and no network
    is opened."""
    lines = [f"listens on {config.host}:{config.port}"]
    _apart(config.cameras)
    for camera in config.cameras:
        spec, chosen = _possible(camera)
        tasks = ", ".join(task.name for task in chosen)
        metres = ", in metres" if camera.camera else ""
        lines.append(f"{camera.name}: {redacted(camera.source)}: {tasks}{metres}, {spec.name} {spec.version}")
    if config.recordings is not None:
        lines.append(f"records to {config.recordings}, at most {config.quota_gb:g} GB")
    return lines


def _apart(cameras: Iterable[CameraConfig]) -> None:
    """Two cameras in one file would take up each other's angles. Raises DataError."""
    owners: dict[Path, str] = {}
    for camera in cameras:
        if camera.mount is None:
            continue
        owner = owners.setdefault(camera.mount.resolve(), camera.name)
        if owner != camera.name:
            raise DataError(
                f"{camera.name}: mount: expected a file of its own for each camera, got {camera.mount}, "
                f"which is that of {owner}"
            )


def _possible(camera: CameraConfig) -> tuple[ModelSpec, list[TaskSpec]]:
    """Its bundle and what runs of it. Raises DataError, which names the camera and the key."""
    with _place(camera, "camera"):
        if camera.camera is not None:
            read_camera(camera.camera, camera.camera_height)
    with _place(camera, "ego"):
        if camera.ego is not None and camera.ego.suffix and not camera.ego.is_file():  # else a topic
            raise DataError(f"expected a file, found no {camera.ego}")
    with _place(camera, "bundle"):
        spec = bundles.read(bundles.folder(camera.bundle))
    with _place(camera, "tasks"):
        tasks = select(spec, camera.tasks)
    with _place(camera, "precision"):
        _check_precision(camera, spec)
    with _place(camera, "input_size"):
        InputSize.parse(camera.input_size)
    with _place(camera, "crop"):
        if camera.crop is not None:
            Crop.parse(camera.crop)
    with _place(camera, "stages"):
        ready(camera.stages, tasks)
    with _place(camera, "mount"):
        ready(camera.stages, tasks, camera.mount)
    with _place(camera, "shed"):
        order(tasks, camera.shed)
    return spec, tasks


@contextmanager
def _place(camera: CameraConfig, key: str) -> Iterator[None]:
    try:
        yield
    except PerceptionError as error:
        raise DataError(f"{camera.name}: {key}: {error}") from error


def _check_precision(camera: CameraConfig, spec: ModelSpec) -> None:
    """Where the device is still to be chosen, one must have it."""
    on_cuda = ON_CUDA.get(camera.precision, camera.precision)
    if camera.device == "cuda" or (camera.device == AUTO and on_cuda in spec.files):
        files_of(spec, on_cuda)
    else:
        files_of(spec, camera.precision)


def _camera(name: Any, values: Mapping[str, Any], where: str) -> CameraConfig:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise DataError(
            f"{where}: cameras: expected a name of small letters, digits, - and _, got {str(name)!r}"
        )
    if "source" not in values:
        raise DataError(f"{where}: cameras.{name}: expected a source, such as 0 or rtsp://..., got none")
    return CameraConfig(name, **_checked(values, CAMERA, f"{where}: cameras.{name}"))


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise DataError(f"{where}: expected keys and values, got {type(value).__name__}")
    return value


def _checked(values: Mapping[str, Any], table: Mapping[str, Check], where: str) -> dict[str, Any]:
    done = {}
    for key, value in values.items():
        if key not in table:
            known = ", ".join(table)
            raise DataError(f"{where}: expected a key of {known}, got {str(key)!r}")
        try:
            done[key] = table[key](value)
        except (ValueError, PerceptionError) as error:
            raise DataError(f"{where}: {key}: {error}, got {redacted(str(value))!r}") from None
    return done


def _text(value: Any) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError("expected a text")
    return str(value)


def _path(value: Any) -> Path:
    try:
        return Path(_text(value)).expanduser()
    except RuntimeError:
        raise ValueError("expected a path, with ~NAME only for a user of this machine") from None


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [name for name in re.split(r"[,\s]+", value) if name]
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("expected a list of names")
    return tuple(value)


def _stages(value: Any) -> tuple[str, ...] | None:
    return {"all": None, "none": ()}.get(value) if value in ("all", "none") else _names(value)


def _number(low: float, high: float, kind: type[int] | type[float] = float) -> Check:
    def check(value: Any) -> Any:
        whole = isinstance(value, int) or kind is float
        if isinstance(value, bool) or not isinstance(value, int | float) or not (low <= value <= high):
            raise ValueError(f"expected a number of {low:g} to {high:g}")
        if not whole:
            raise ValueError("expected a whole number")
        return kind(value)

    return check


def _one_of(*choices: str) -> Check:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return str(value)

    return check


CAMERA: dict[str, Check] = {
    "source": _text,
    "camera": _path,
    "camera_height": _number(LOWEST, HIGHEST),
    "ego": _path,
    "bundle": _path,
    "device": _one_of("auto", "cpu", "cuda"),
    "tasks": _names,
    "precision": _text,
    "input_size": _text,
    "crop": _text,
    "runtime": _one_of("auto", "onnxruntime", "openvino"),
    "stages": _stages,
    "mount": _path,
    "shed": _names,
}
SERVER: dict[str, Check] = {
    "host": _text,
    "port": _number(0, 65535, int),
    "token_file": _path,
    "hosts": _names,
    "threads": _number(1, 256, int),
    "deadline_ms": _number(1, 60_000),
    "recordings": _path,
    "quota_gb": _number(0.001, 1e6),
    "keep_s": _number(0, 600),
    "quality": _number(10, 100, int),
}
