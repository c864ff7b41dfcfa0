"""Commands that calibrate a camera: `calibrate intrinsics`, `calibrate mount`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perception.cli.options import SOURCE, Bundle, Device, OwnMotion, Runtime

commands = typer.Typer()
calibrate = typer.Typer(help="Calibrate a camera.", no_args_is_help=True)
commands.add_typer(calibrate, name="calibrate")


@calibrate.command("intrinsics")
def intrinsics(
    source: Annotated[str, typer.Argument(help=SOURCE)],
    board: Annotated[str, typer.Option(help="Inner corners of the board, such as 9x6.")],
    square: Annotated[float, typer.Option(help="Side of a square, in metres.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Camera file to write: .json, or .yaml for ROS.")],
    markers: Annotated[
        str, typer.Option(help="ArUco dictionary of a ChArUco board, such as 4X4_50. Default: a chessboard.")
    ] = "",
    marker: Annotated[float, typer.Option(help="Side of a ChArUco marker, in metres.")] = 0.0,
    fisheye: Annotated[bool, typer.Option("--fisheye", help="Use the fisheye lens model.")] = False,
    height: Annotated[
        float | None,
        typer.Option(min=0.05, max=20, help="Height above the road, in metres, for a .json file."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Report page. Default: beside OUT.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
) -> None:
    """Find focal length and lens distortion from views of a calibration board.

    Photos, a video or a live camera. Chooses sharp, varied views and says how accurate the result is.
    """
    from calibration.camera.board import Board
    from calibration.camera.command import intrinsics

    intrinsics(source, Board.parse(board, square, markers, marker), out, fisheye, height, report, overwrite)


@calibrate.command("mount")
def mount(
    source: Annotated[str, typer.Argument(help=SOURCE)],
    camera: Annotated[Path, typer.Option(help="Camera file with the intrinsics.")],
    height: Annotated[
        float, typer.Option(min=0.05, max=20, help="Height of the camera above the road, in metres.")
    ],
    ego: OwnMotion = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="JSON file to write. Default: that of --camera, with --overwrite."),
    ] = None,
    bundle: Bundle = None,
    device: Device = "auto",
    runtime: Runtime = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Find pitch, yaw and roll of a camera in its vehicle from a straight drive.

    Writes the camera file with its mount and says how accurate the angles are.
    """
    from calibration.camera.mount import mount
    from perception.config import PipelineConfig

    config = PipelineConfig(bundle, device, runtime=runtime)
    mount(source, camera, height, out, ego, config, overwrite)
