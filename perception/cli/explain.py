"""The command that says why: `explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perception.cli.options import SOURCE, Bundle, InputSize, Precision, Threads, names
from perception.errors import PerceptionError

commands = typer.Typer()


@commands.command()
def explain(
    source: Annotated[str, typer.Argument(help=SOURCE)],
    bundle: Bundle = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pages.")] = Path("out"),
    objects: Annotated[
        int, typer.Option(min=1, help="Explain at most so many objects, lines and signs each, the surest.")
    ] = 5,
    tasks: Annotated[
        str | None,
        typer.Option(help="What to explain: detection, lanes, signs, separated by commas. Default: all."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Also measure insertion and deletion of each map.")
    ] = False,
    max_frames: Annotated[int | None, typer.Option(min=1, help="Stop after this many frames.")] = None,
    precision: Precision = "int8",
    threads: Threads = None,
    input_size: InputSize = "auto",
) -> None:
    """Show what the network looks at for each object, lane line and sign that it finds.

    Writes NAME.explain.html and NAME.explain.json to OUT for each frame. Needs the extra `train` (torch).
    """
    try:
        from perception.explain.command import explain
    except ModuleNotFoundError as error:
        raise PerceptionError(
            f"explain: expected torch and onnx, got {error}", "pip install 'perception[train]'"
        ) from error
    from perception.config import PipelineConfig

    config = PipelineConfig(
        bundle, "cpu", names(tasks), precision, threads, input_size, runtime="onnxruntime"
    )
    explain(source, config, out, objects, max_frames, check)
