"""The command that serves: `serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from perception.cli.app import output
from perception.cli.options import (
    TASKS,
    Bundle,
    Camera,
    CameraHeight,
    Crop,
    Device,
    InputSize,
    MountFile,
    OwnMotion,
    Precision,
    Runtime,
    Shed,
    Stages,
    names,
    stages_of,
)

commands = typer.Typer()


@commands.command()
def serve(
    context: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="Cameras: a number, rtsp://..., or a video that is played in a loop. NAME=SOURCE names one."
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file, in place of sources and options.")] = None,
    check: Annotated[
        Path | None, typer.Option(help="Check this YAML file, say what it does, and exit.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Any but this machine's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port. 0: any that is free.")] = 8088,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the token, made if it is not there. Default: a new token at each start."
        ),
    ] = None,
    recordings: Annotated[
        Path | None, typer.Option(help="Folder for recordings (MCAP). Default: nothing is recorded.")
    ] = None,
    quota: Annotated[
        float, typer.Option(min=0.001, help="GB that recordings may take; the oldest are removed.")
    ] = 20.0,
    keep: Annotated[
        float, typer.Option(min=0, max=600, help="Seconds kept in memory, to save what has just happened.")
    ] = 30.0,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="CPU threads of all cameras together. Default: the cores."),
    ] = None,
    deadline: Annotated[
        float, typer.Option(min=1, help="Milliseconds from capture to scene; many later ones are withheld.")
    ] = 200.0,
    bundle: Bundle = None,
    tasks: Annotated[str | None, typer.Option(help=TASKS)] = None,
    precision: Precision = "int8",
    device: Device = "auto",
    camera: Camera = None,
    camera_height: CameraHeight = None,
    ego: OwnMotion = None,
    input_size: InputSize = "auto",
    crop: Crop = None,
    runtime: Runtime = "auto",
    stages: Stages = "all",
    mount: MountFile = None,
    shed: Shed = None,
) -> None:
    """Show cameras and what is seen in them on a live page; serve streams, metrics and recordings."""
    from perception.serve import config as configs
    from perception.serve.command import serve

    if file := check or config:
        beside = [name for name in context.params if _said(context, name) and name not in ("check", "config")]
        if beside or (check and config):
            told = ", ".join(beside) or "another file"
            raise typer.BadParameter(f"expected all in {file}, got {told} beside it")
        said = configs.read(file)
        if check is None:
            serve(said, _say)
        for line in configs.check(said) if check else ():
            _say(line)
        return
    if not sources:
        raise typer.BadParameter("expected sources, or --config FILE")
    options = {
        "camera": camera,
        "camera_height": camera_height,
        "ego": ego,
        "bundle": bundle,
        "device": device,
        "tasks": names(tasks),
        "precision": precision,
        "input_size": input_size,
        "crop": crop,
        "runtime": runtime,
        "stages": stages_of(stages),
        "mount": mount,
        "shed": names(shed),
    }
    asked = configs.ServeConfig(
        configs.named(sources or (), options),
        host=host,
        port=port,
        token_file=token_file,
        threads=threads,
        deadline_ms=deadline,
        recordings=recordings,
        quota_gb=quota,
        keep_s=keep,
    )
    serve(asked, _say)


def _said(context: typer.Context, name: str) -> bool:
    """Whether the user gave this parameter."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _say(line: str) -> None:
    output.print(escape(line), soft_wrap=True, highlight=False)
