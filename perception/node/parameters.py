"""The parameters of the node: one table, from which ROS 2 and the command line take theirs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perception.backends import CPU_RUNTIMES
from perception.camera import HIGHEST, LOWEST, STEEPEST
from perception.devices import AUTO

if TYPE_CHECKING:
    from perception.config import PipelineConfig

Value = bool | int | float | str


@dataclass(frozen=True)
class About:
    """What one may set a parameter to."""

    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    live: bool = False  # may change at any time; the others only while the node is not configured


def about(
    default: Any,
    description: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    live: bool = False,
) -> Any:
    return field(default=default, metadata={"about": About(description, low, high, choices, live)})


@dataclass(frozen=True)
class Settings:
    """The values. Angles in radians."""

    image_topic: str = about("image", "Topic of the camera images.")
    transport: str = about("raw", "What they are: Image or CompressedImage.", choices=("raw", "compressed"))
    camera_info_topic: str = about("camera_info", "Topic of their CameraInfo; lanes in metres need it.")
    odometry_topic: str = about("", "Topic of nav_msgs/Odometry: the own speed and yaw rate. Empty: none.")
    twist_topic: str = about("", "Topic of geometry_msgs/TwistStamped, in place of odometry. Empty: none.")
    imu_topic: str = about("", "Topic of sensor_msgs/Imu: the yaw rate, in place of theirs. Empty: none.")
    reliability: str = about(
        "best_effort",
        "Quality of service of the subscription. best_effort fits every publisher.",
        choices=("best_effort", "reliable"),
    )
    bundle: str = about("", "Folder or name of a model bundle. Empty: the one that is shipped.")
    precision: str = about("int8", "Network files: int8, fp32, fp16 or trt.int8.")
    device: str = about("auto", "Where the network runs.", choices=("auto", "cpu", "cuda"))
    runtime: str = about("auto", "What computes it on the CPU.", choices=(AUTO, *CPU_RUNTIMES))
    tasks: str = about("", "Comma-separated, such as lanes,signs. Empty: all of the bundle.")
    stages: str = about("", "What runs after the tasks: names with commas, or none. Empty: all.")
    threads: int = about(0, "Threads of the network on the CPU. 0: the cores, at most 4.", 0, 64)
    input_size: str = about(
        "auto", "Of the network: auto (the camera's shape), WIDTHxHEIGHT, or a factor of the cost such as 2x."
    )
    crop: str = about("", "Part to look at: x,y,width,height, in pixels or fractions. Empty: all.")
    camera_file: str = about(
        "", "Camera file (JSON, ROS YAML, KITTI). Empty: CameraInfo and the mount below."
    )
    camera_height: float = about(1.4, "Of the camera above the road, metres.", LOWEST, HIGHEST)
    camera_pitch: float = about(0.0, "Positive: the camera looks down.", -STEEPEST, STEEPEST)
    camera_roll: float = about(0.0, "Positive: its right side is lower.", -math.pi, math.pi)
    camera_yaw: float = about(0.0, "Positive: it looks left.", -math.pi, math.pi)
    mount_file: str = about("", "File that keeps the learnt angles of the camera. Empty: none.")
    vehicle_frame: str = about("base_link", "Frame of points on the road, below the camera.")
    jpeg_quality: int = about(80, "Of ~/overlay/compressed.", 1, 100, live=True)
    deadline_ms: float = about(200.0, "Age of a result above which the node warns.", 1.0, 60_000.0, live=True)
    stale_s: float = about(2.0, "Without an image for so long, the node is STALE.", 0.1, 3600.0, live=True)
    max_dropped: float = about(
        0.7, "Share of the images that may be dropped before the node warns.", 0.0, 1.0, live=True
    )

    @property
    def pipeline(self) -> PipelineConfig:
        """What `load` is asked for."""
        from perception.config import PipelineConfig

        return PipelineConfig(
            Path(self.bundle) if self.bundle else None,
            self.device,
            _names(self.tasks),
            self.precision,
            self.threads or None,
            self.input_size,
            self.crop or None,
            self.runtime,
            () if self.stages == "none" else _names(self.stages),
            Path(self.mount_file) if self.mount_file else None,
        )


def _names(text: str) -> tuple[str, ...] | None:
    """Empty: None."""
    return tuple(name.strip() for name in text.split(",") if name.strip()) or None


ABOUT: Mapping[str, About] = {f.name: f.metadata["about"] for f in fields(Settings)}
DEFAULTS: Mapping[str, Value] = {f.name: f.default for f in fields(Settings)}  # type: ignore[misc]


def heed(
    node: Any, may_set: Callable[[Sequence[Any]], Any], was_set: Callable[[Sequence[Any]], None]
) -> None:
    """`may_set` is asked before parameters change, `was_set` told after it.

    rclpy of Humble only asks: there `was_set` is told of what `may_set` has let through.
    """
    if hasattr(node, "add_post_set_parameters_callback"):
        node.add_on_set_parameters_callback(may_set)
        node.add_post_set_parameters_callback(was_set)
        return

    def both(parameters: Sequence[Any]) -> Any:
        result = may_set(parameters)
        if result.successful:
            was_set(parameters)
        return result

    node.add_on_set_parameters_callback(both)


def refusal(changes: Mapping[str, Value], configured: bool) -> str | None:
    """Why these values cannot be set; None: they can. Names that are not in the table are not ours."""
    for name, value in changes.items():
        if name in ABOUT and (reason := _refusal(ABOUT[name], value, DEFAULTS[name], configured)):
            return f"{name}: {reason}"
    return None


def _refusal(about: About, value: Value, default: Value, configured: bool) -> str | None:
    kind = type(default)
    if type(value) is not kind:
        return f"expected a {kind.__name__}, got {value!r}"
    if about.choices and value not in about.choices:
        return f"expected one of {', '.join(about.choices)}, got {value!r}"
    if about.low is not None and about.high is not None and not about.low <= float(value) <= about.high:
        return f"expected {about.low} to {about.high}, got {value}"
    if configured and not about.live:
        return "fixed while the node is configured; deactivate it and clean it up first"
    return None
