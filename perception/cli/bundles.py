"""Commands about model bundles and what runs them: `info`, `export`, `quantize`, `engine`, `doctor`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from perception.cli.app import output
from perception.cli.options import TASKS, names
from perception.errors import PerceptionError

commands = typer.Typer()


@commands.command()
def info(
    what: Annotated[
        Path | None, typer.Argument(help="Bundle (a folder, or road-open) or recorded drive. Default: road.")
    ] = None,
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Also write everything to this file, as JSON.")
    ] = None,
) -> None:
    """Show what a model bundle can do and how well, or what a recorded drive holds."""
    from perception import bundle as bundles
    from perception.outputs import keep_file_apart, write_whole

    folder = bundles.folder(what)
    keep_file_apart(json_path, [folder])
    is_bundle = what is None or (folder / bundles.MODEL).is_file()
    facts = _show_bundle(folder) if is_bundle else _show_drive(folder)
    if json_path is not None:
        write_whole(json_path, (json.dumps(facts, indent=1) + "\n").encode())


def _show_drive(path: Path) -> dict[str, Any]:
    from perception.drives.info import drive_info, is_drive, show

    if not is_drive(path):
        got = (
            "another file" if path.is_file() else "a folder of neither" if path.is_dir() else "nothing there"
        )
        raise PerceptionError(
            f"{path}: expected a model bundle or a recorded drive, got {got}; "
            "`perception run` shows what is in a video or a picture"
        )
    facts = drive_info(path)
    show(facts, output)
    return facts


def _show_bundle(folder: Path) -> dict[str, Any]:
    from perception.bundle import LEDGER_INFO, read

    spec = read(folder)
    width, height = spec.input_size
    output.print(
        f"[bold]{escape(spec.name)}[/] {escape(spec.version)}: input {width} x {height}, "
        f"in {escape(str(folder))}"
    )
    tasks = Table("task", "network", "reads results of", "classes")
    for task in spec.tasks.values():
        tasks.add_row(task.name, task.network, ", ".join(task.needs), ", ".join(task.classes))
    files = Table("precision", "network", "file", "kB")
    for precision, networks in spec.files.items():
        for network, file in networks.items():
            files.add_row(precision, network, file, f"{(folder / file).stat().st_size / 1000:.0f}")
    output.print(tasks, files)
    _show_ledger(spec.info.get(LEDGER_INFO))
    _show_metrics(spec.info.get("metrics", {}))
    return {
        "name": spec.name,
        "version": spec.version,
        "tasks": {task.name: list(task.classes) for task in spec.tasks.values()},
        "files": {precision: dict(networks) for precision, networks in spec.files.items()},
        **spec.info,
    }


def _show_metrics(metrics: dict[str, dict[str, float]]) -> None:
    """By precision: the metric that each task is judged by, on each data set."""
    from perception.evaluation.names import main_metrics, text

    if not metrics:
        return
    table = Table("metric, %", *metrics, title="measured with `perception evaluate`", title_justify="left")
    for name in main_metrics(set().union(*metrics.values())):
        what = name.rpartition(".")[2]
        table.add_row(name, *(text(what, own[name]) if name in own else "" for own in metrics.values()))
    output.print(table, "all of them: --json FILE, or docs/RESULTS.md")


def _show_ledger(ledger: dict[str, Any] | None) -> None:
    """What the networks have learnt from, by source; None: nobody kept a ledger."""
    if ledger is None:
        output.print("ledger: none; what it learnt from, and its licences: README.md of the bundle")
        return
    table = Table("learnt from", "images", "labels of", "teachers", "licence as found", "commercial use")
    own = {name: {**source, "images": str(source["images"])} for name, source in ledger["sources"].items()}
    rows = {**own, **{f"teacher {name}": said for name, said in ledger["teachers"].items()}}
    for name, row in rows.items():
        labels, teachers = (", ".join(row.get(key, ())) for key in ("labels", "teachers"))
        allowed = "yes" if row["commercial"] else "no"
        table.add_row(*map(escape, (name, row.get("images", ""), labels, teachers, row["licence"], allowed)))
    output.print(table, f"commercial use: {'yes' if ledger['commercial'] else 'no'}")


@commands.command()
def export(
    checkpoint: Annotated[
        Path,
        typer.Argument(help="Folder of a training run (its best weights on val), or a checkpoint.pt."),
    ],
    out: Annotated[Path, typer.Option(help="New folder for the bundle.")],
    data: Annotated[
        list[str] | None,
        typer.Option(help="Training data, as for `train`. Default: the data sets that the run names."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the bundle. Default: the name of the run's folder.")
    ] = None,
) -> None:
    """Export a trained network as a model bundle: FP32 and calibrated INT8 ONNX files."""
    from deploy.build import build

    build(checkpoint, data or (), out, name=name)
    _show_bundle(out)


@commands.command()
def quantize(
    bundle: Annotated[
        Path | None, typer.Argument(help="Bundle with fp32 files. Default: the shipped one.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="Labelled data, as for `train`; calibrates on frames of its training split."),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="New folder for the bundle, or that of the bundle itself.")
    ] = Path("quantised"),
    source: Annotated[
        list[str] | None, typer.Option(help="Calibrate on frames of this source instead; repeatable.")
    ] = None,
    method: Annotated[
        str, typer.Option(help="Calibration method: minmax, percentile, mse or entropy.")
    ] = "percentile",
    equalise: Annotated[str, typer.Option(help="Cross-layer equalisation: none, first or all.")] = "none",
    keep: Annotated[
        list[str] | None, typer.Option("--float", help="Layer to leave in float; repeatable.")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Number of calibration frames.")] = 192,
    seed: Annotated[int, typer.Option(help="Seed of the choice of frames.")] = 0,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Show how much each layer costs in accuracy.")
    ] = False,
    precisions: Annotated[
        str, typer.Option(help="Files to make: int8, trt.int8, fp16; fp16 needs no images.")
    ] = "int8,trt.int8",
) -> None:
    """Quantise a bundle: make int8 (CPU), trt.int8 and fp16 (TensorRT) files from one calibration."""
    from deploy.command import quantize

    wanted = [name.strip() for name in precisions.split(",")]
    drawn, layers = (data or (), source or ()), keep or ()
    quantize(bundle, out, *drawn, method, equalise, layers, frames, seed, sensitivity, wanted)


@commands.command()
def engine(
    bundle: Annotated[Path | None, typer.Argument(help="Model bundle. Default: the shipped one.")] = None,
    precision: Annotated[str, typer.Option(help="trt.int8 or fp16.")] = "trt.int8",
    tasks: Annotated[str | None, typer.Option(help=TASKS)] = None,
    dla: Annotated[
        int | None, typer.Option(min=0, help="DLA core to use; layers that it lacks run on the GPU.")
    ] = None,
    workspace: Annotated[int, typer.Option(min=16, help="Workspace limit in MB.")] = 1024,
    timeout: Annotated[float, typer.Option(min=1, help="Time limit for each engine, in seconds.")] = 1800.0,
    check: Annotated[bool, typer.Option(help="Compare the engines with known answers; needs pycuda.")] = True,
    input_size: Annotated[
        str,
        typer.Option(help="Input size: WIDTHxHEIGHT, auto (the bundle's own), or a cost factor such as 2x."),
    ] = "auto",
) -> None:
    """Build the TensorRT engines of a bundle for this device.

    Runs take those that were built or asked for last, from $XDG_CACHE_HOME/perception/engines.
    """
    from deploy.engine_command import build_engines

    wanted, limits = (precision, names(tasks)), (dla, workspace)
    build_engines(bundle, *wanted, *limits, timeout_s=timeout, check=check, input_size=input_size)


@commands.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Also measure, and write a report file to pass on.")
    ] = None,
) -> None:
    """Check whether this machine can run perception, and say what to do.

    Exit code 0: yes, 1: partly, 2: no.
    """
    from deploy.doctor.command import doctor

    raise typer.Exit(doctor(as_json, report))
