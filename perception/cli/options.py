"""Options that several commands have, and what their texts mean."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from perception.config import PipelineConfig

TASKS = "Tasks to run, separated by commas: detection, lanes, signs, drivable. Default: all."
SOURCE = (
    "Video, images, recorded drive (.mcap, .db3, .bag), camera number, rtsp://..., synthetic:SEED or "
    "scenario:NAME:SEED."
)

Bundle = Annotated[Path | None, typer.Option(help="Model bundle: a folder, or road-open. Default: road.")]
Precision = Annotated[str, typer.Option(help="Network files to use: int8, fp32, fp16 or trt.int8.")]
Device = Annotated[str, typer.Option(help="cuda, cpu, or auto: the fastest that works here.")]
Threads = Annotated[
    int | None, typer.Option(min=1, help="CPU threads of the network. Default: one per core, at most 4.")
]
WorkerThreads = Annotated[
    int | None, typer.Option(min=1, help="CPU threads of the network in each worker. Default: 1.")
]
Runtime = Annotated[
    str, typer.Option(help="CPU runtime: onnxruntime, openvino, or auto: the faster of them here.")
]
Named = Annotated[str | None, typer.Option(help="CPU runtime: onnxruntime (default) or openvino.")]
InputSize = Annotated[
    str,
    typer.Option(
        help="Input size of the network: auto (the camera's aspect ratio, at the cost of the bundle's own "
        "size), WIDTHxHEIGHT, or a cost factor such as 2x."
    ),
]
Crop = Annotated[
    str | None,
    typer.Option(help="Use only this part of each image: x,y,width,height, in pixels or fractions."),
]
Stages = Annotated[
    str,
    typer.Option(
        help="Stages to run after the tasks: all that the tasks allow, none, or names separated by commas."
    ),
]
Shed = Annotated[
    str | None,
    typer.Option(
        help="Live sources: tasks to leave out when the machine is too slow, the first one first, or none. "
        "Default: signs,detection."
    ),
]
Deadline = Annotated[
    float,
    typer.Option("--deadline", min=1, help="Live sources: age in milliseconds at which a result is late."),
]
Camera = Annotated[
    Path | None,
    typer.Option(
        help="Camera file: JSON of `perception calibrate`, ROS camera_info YAML, or KITTI calibration text. "
        "Adds distances in metres."
    ),
]
CameraHeight = Annotated[
    float | None,
    typer.Option(min=0.05, max=20, help="Height of the camera above the road, in metres."),
]
OwnMotion = Annotated[
    Path | None,
    typer.Option(
        "--ego",
        help="CSV of the vehicle's own motion (stamp_s or frame, speed_mps, yaw_rate_radps), or a topic of a "
        "recorded drive (Odometry, TwistStamped). Default: the only one in the drive.",
    ),
]
MountFile = Annotated[
    Path | None,
    typer.Option(
        "--mount",
        help="File in which the learnt angles of the camera are kept for the next start. One per camera.",
    ),
]
Processor = Annotated[str, typer.Option(help="cpu or cuda.")]
Workers = Annotated[int, typer.Option(min=1, help="Number of worker processes.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write the results to this file, as JSON.")]


def names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name for name in re.split(r"[,\s]+", text.lower()) if name)


def stages_of(text: str) -> tuple[str, ...] | None:
    """As `load` takes them."""
    return {"all": None, "none": ()}.get(text.lower(), names(text))


def reproducible(
    bundle: Path | None,
    device: str,
    precision: str,
    threads: int | None,
    input_size: str,
    runtime: str | None,
    tasks: tuple[str, ...] | None = None,
    stages: str = "none",
) -> PipelineConfig:
    """One thread, and a runtime that is not chosen by its speed here, unless the user names others."""
    from perception.backends.runtimes import FIRST
    from perception.config import PipelineConfig

    runtime = runtime or (FIRST if device == "cpu" else "auto")
    return PipelineConfig(
        bundle,
        device,
        tasks,
        precision,
        threads or 1,
        input_size,
        runtime=runtime,
        stages=stages_of(stages),
    )
