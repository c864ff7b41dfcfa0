"""The `perception` command. What a command needs is imported when it runs: `--help` is instant."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from errno import EPIPE
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from typer.core import TyperGroup

from perception.errors import PerceptionError
from perception.redaction import redacted
from perception.signals import stopped_as_interrupted

if TYPE_CHECKING:
    from perception.interfaces import Sink, Source, Task
    from perception.pipeline import Outcome, Pipeline

FAILED, INTERRUPTED = 2, 130  # exit codes; 130 is what shells give for Ctrl-C
LIVE_FPS = 30.0  # of sources that have no rate of their own
TASKS = "Of detection, lanes, signs, drivable, with commas between. Default: all."
SOURCE = "Video, images, recorded drive (.mcap, .db3, .bag), camera number, rtsp://... or synthetic:SEED."

USAGE: Any = typer.BadParameter.__mro__[1]  # click's UsageError, of the click that this typer uses
HOME = re.compile(r"(?<==)~(?=/|$)|^~(?=/|$)")

errors = Console(stderr=True)
output = Console()


@contextmanager
def one_line_errors() -> Iterator[None]:
    """The world's faults as one red line, without a traceback; a bug keeps its traceback."""
    try:
        with stopped_as_interrupted():
            yield
    except PerceptionError as error:
        errors.print(f"[bold red]error:[/] [red]{escape(str(error))}[/]", soft_wrap=True, highlight=False)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except USAGE as error:
        if "unexpected extra argument" in error.message:
            error.message += ". Quote a name with spaces and a pattern of pictures: '*.jpg'"
        raise
    except OSError as error:
        if error.errno == EPIPE:  # whom we write to has heard enough
            raise
        told = PerceptionError(f"{error.filename or 'the system'}: {error.strerror or error}")
        errors.print(f"[bold red]error:[/] [red]{escape(str(told))}[/]", soft_wrap=True, highlight=False)
        raise typer.Exit(FAILED) from error


class Redacting(logging.Formatter):
    """Of records of other packages too: what FFmpeg says names the URL."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class Commands(TyperGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """`~` also where a shell leaves it: in --out=~/results, and in quotes."""
        return super().parse_args(ctx, [HOME.sub(lambda home: os.path.expanduser(home[0]), a) for a in args])

    def invoke(self, ctx: Any) -> Any:
        with one_line_errors():
            return super().invoke(ctx)


def main() -> None:
    """The console script. A terminal that cannot show a character shows its number.

    Where standard output or error is closed, the next file would get its number, and what a native library
    complains of would stand in it.
    """
    for number in range(3):
        with suppress(OSError):
            os.fstat(number)
            continue
        os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="perception")


app = typer.Typer(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Objects, signs, lanes and drivable area from a driving camera.",
)

Bundle = Annotated[
    Path | None, typer.Option(help="Model bundle, a folder. Default: the one that is shipped.")
]
Precision = Annotated[str, typer.Option(help="Network files: int8, fp32, fp16 or trt.int8.")]
Device = Annotated[str, typer.Option(help="cuda, cpu, or auto: the best that works here.")]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads of the network. Default: the cores, at most 4.")
]
Runtime = Annotated[str, typer.Option(help="On the CPU: onnxruntime, openvino, or auto: the faster here.")]
Named = Annotated[str | None, typer.Option(help="On the CPU: onnxruntime (default) or openvino.")]
InputSize = Annotated[
    str,
    typer.Option(
        help="Size at which the network sees pictures: auto (the camera's shape, at the cost of the bundle's "
        "own size), WIDTHxHEIGHT, or a factor of the cost such as 2x."
    ),
]
Crop = Annotated[
    str | None, typer.Option(help="Look at this part only: x,y,width,height, in pixels or fractions.")
]
Processor = Annotated[str, typer.Option(help="cpu or cuda.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes that see drives at the same time.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")]


def _version(asked: bool) -> None:
    if asked:
        from perception import __version__

        output.print(f"perception {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def main_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    handler = RichHandler(console=errors, show_path=False, show_time=False)
    handler.setFormatter(Redacting("%(message)s"))
    logging.basicConfig(handlers=[handler])


@app.command()
def run(
    source: Annotated[str, typer.Argument(help=SOURCE)],
    bundle: Bundle = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("out"),
    tasks: Annotated[str | None, typer.Option(help=TASKS)] = None,
    precision: Precision = "int8",
    device: Device = "auto",
    camera: Annotated[Path | None, typer.Option(help="Camera model (JSON): lanes in metres, too.")] = None,
    save_maps: Annotated[bool, typer.Option("--save-maps", help="Class maps as PNG, in OUT/maps.")] = False,
    no_video: Annotated[bool, typer.Option("--no-video", help="No painted video or images.")] = False,
    max_frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")] = None,
    threads: Threads = None,
    input_size: InputSize = "auto",
    crop: Crop = None,
    runtime: Runtime = "auto",
) -> None:
    """See what is in a video, in images or before a camera: overlay, scenes.jsonl, summary.json."""
    from perception.drives.summary import NAME, RESULTS, summarised
    from perception.load import load
    from perception.outputs import keep_apart, locked
    from perception.pipeline import Outcome
    from perception.sinks.tally import Tally
    from perception.sinks.watchdog import watchdog

    keep_apart([out / name for name in (NAME, *RESULTS)], [source, camera])
    pipeline = load(bundle, device, _names(tasks), precision, threads, input_size, crop, runtime)
    frames = _source(source, camera)
    tally, outcome = Tally(pipeline.tasks, frames.live), Outcome()
    how = {"input_size": input_size, "crop": crop}
    facts = {"source": redacted(source), **_facts(bundle, precision, pipeline), **how}
    with closing(pipeline), locked(out), summarised(out, facts, tally, outcome) as report:
        sinks = [*_sinks(out, frames, pipeline.tasks, save_maps, not no_video), tally]
        if dog := watchdog():
            sinks.append(dog)
        _run(frames, pipeline, sinks, max_frames, outcome)
    _show(report, out)
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)


@app.command()
def record(
    source: Annotated[str, typer.Argument(help=SOURCE)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The MCAP file.")],
    bundle: Bundle = None,
    tasks: Annotated[str | None, typer.Option(help=TASKS)] = None,
    precision: Precision = "int8",
    device: Device = "auto",
    camera: Annotated[Path | None, typer.Option(help="Camera model (JSON).")] = None,
    truth: Annotated[bool, typer.Option("--truth", help="Labels as well; of synthetic:SEED.")] = False,
    no_results: Annotated[bool, typer.Option("--no-results", help="Pictures only: run no network.")] = False,
    max_frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")] = None,
    threads: Threads = None,
    input_size: InputSize = "auto",
    crop: Crop = None,
    runtime: Runtime = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a recording of this name.")] = False,
) -> None:
    """Record pictures and what is seen in them as an MCAP file that ROS 2 tools read."""
    from perception.drives.record import Settings, record

    names = _names(tasks)
    chosen = None if names is None else tuple(names)
    settings = Settings(
        bundle,
        precision,
        device,
        chosen,
        threads,
        camera,
        truth,
        results=not no_results,
        overwrite=overwrite,
        input_size=input_size,
        crop=crop,
        runtime=runtime,
    )
    if not out.suffix:  # the name by which it is read again
        out = out.with_suffix(".mcap")
    with _watched(max_frames) as show:
        outcome = record(source, out, settings, max_frames, show)
    output.print(
        f"{escape(str(out))}: {outcome.answered} frames, {outcome.dropped} dropped, "
        f"{outcome.failed + outcome.lost} failed or lost"
    )
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)


@app.command()
def info(
    what: Annotated[
        Path | None, typer.Argument(help="Model bundle or recorded drive. Default: the shipped bundle.")
    ] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Of a drive: write it here too.")] = None,
) -> None:
    """Show what a model bundle can do, and how well; or what a recorded drive holds."""
    if what is not None and not (what / "model.json").is_file():
        from perception.drives.info import drive_info, is_drive, show
        from perception.sinks.files import write_whole

        if is_drive(what):
            facts = drive_info(what)
            show(facts, output)
            if json_path is not None:
                write_whole(json_path, (json.dumps(facts, indent=1) + "\n").encode())
            return
        if what.is_file():
            raise PerceptionError(
                f"{what}: expected a model bundle or a recorded drive, got another file; "
                "`perception run` shows what is in a video or a picture"
            )
    _show_bundle(what)


def _show_bundle(bundle: Path | None) -> None:
    from perception.bundle import LEDGER_INFO, SHIPPED, read

    folder = bundle or SHIPPED
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
    output.print_json(data={key: value for key, value in spec.info.items() if key != LEDGER_INFO})


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


@app.command()
def evaluate(
    drives: Annotated[
        list[str] | None,
        typer.Argument(
            help="Labelled drives: drive.mcap, data:DIR[:SPLIT], coco:JSON[:IMAGES], bdd100k:DIR[:SPLIT], "
            "tusimple:DIR, culane:DIR[:LIST], synthetic:SEED[:FRAMES], or a folder of one of these formats."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Instead: a folder of labelled pictures, or synthetic:SEED[:FRAMES].")
    ] = None,
    split: Annotated[str, typer.Option(help="Which part of DATA: train, val, ...")] = "val",
    bundle: Bundle = None,
    precision: Precision = "int8",
    json_path: Json = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the network in each worker.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many pictures of each kind in DATA.")
    ] = None,
    device: Processor = "cpu",
    runtime: Named = None,
    tasks: Annotated[str | None, typer.Option(help=TASKS)] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for result, Parquet, scenes and pages.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes, each with its own network. Default: the cores.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="Do it on a Ray cluster: local, auto, HOST:PORT or ray://HOST:PORT.")
    ] = None,
    pace: Annotated[
        str, typer.Option(help="every frame; or as in real time: measured, or milliseconds for each frame.")
    ] = "every",
    deadline_ms: Annotated[float | None, typer.Option(min=0, help="Count frames that come later.")] = None,
    input_size: InputSize = "auto",
) -> None:
    """Compare what a bundle sees with what is known to be there. Exit code 1: a drive failed, 2: all did."""
    from perception.evaluation import command
    from perception.evaluation.replay import Pace
    from perception.evaluation.run import Settings

    if (data is None) == (not drives):
        raise PerceptionError("expected labelled drives or --data, got both or neither; see --help")
    if device == "cuda":
        workers = workers or 1
    way = command.Way(workers, ray, out)
    if data is not None:
        command.evaluate(
            data,
            split,
            bundle,
            precision,
            json_path,
            threads=threads,
            limit=limit,
            device=device,
            way=way,
            input_size=input_size,
            runtime=runtime,
        )
        return
    if limit is not None:
        raise PerceptionError("expected --limit together with --data, got drives; name fewer of them")
    names = _names(tasks)
    chosen = None if names is None else tuple(names)
    settings = Settings(
        bundle,
        precision,
        device,
        threads or 1,
        chosen,
        Pace.parse(pace),
        deadline_ms,
        input_size=input_size,
        runtime=runtime,
    )
    raise typer.Exit(command.evaluate_on(drives or (), settings, way, json_path))


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="A bundle, or OUT of an evaluation.")],
    after: Annotated[Path, typer.Argument(help="Another one.")],
    out: Annotated[Path, typer.Option(help="Folder for report.html and compare.json.")] = Path("compared"),
    drive: Annotated[
        list[str] | None,
        typer.Option(help="Labelled drive for bundles, as often as needed. Default: the evaluation's."),
    ] = None,
    precision: Precision = "int8",
    device: Processor = "cpu",
    runtime: Named = None,
    threads: Threads = None,
    workers: Workers = 1,
    input_size: InputSize = "auto",
) -> None:
    """Which of two bundles, or evaluations, is better, and how sure that is; frames that changed."""
    from perception.evaluation.compare_command import compare_both
    from perception.evaluation.seeing import Settings
    from perception.outputs import locked

    settings = Settings(None, precision, device, threads or 1, input_size=input_size, runtime=runtime)
    with locked(out):
        compare_both(before, after, out, drive or (), settings, workers)


@app.command()
def gate(
    drives: Annotated[list[str], typer.Argument(help="Labelled drives; for stored scenes, any source.")],
    reference: Annotated[Path, typer.Option(help="OUT of an evaluation, or a folder of stored scenes.")],
    tolerance: Annotated[
        float, typer.Option(min=0, help="By how much a figure may fall: 0.01 is a percent point.")
    ] = 0.01,
    tolerances: Annotated[
        Path | None, typer.Option(help="JSON of how far scenes may differ, by field.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="figures or scenes. Default: what the reference is.")] = None,
    update: Annotated[
        bool, typer.Option("--update-reference", help="Make a new reference on purpose.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write the outcome as JUnit XML, for CI.")] = None,
    bundle: Bundle = None,
    precision: Precision = "int8",
    device: Processor = "cpu",
    runtime: Named = None,
    threads: Threads = None,
    workers: Workers = 1,
    input_size: InputSize = "auto",
) -> None:
    """Is it as good as the reference, does it see the same? Exit code 0: yes, 1: no, 2: cannot be judged."""
    from perception.evaluation.gate.command import gate
    from perception.evaluation.seeing import Settings

    settings = Settings(bundle, precision, device, threads or 1, input_size=input_size, runtime=runtime)
    raise typer.Exit(gate(drives, reference, settings, workers, tolerance, tolerances, by, update, junit))


@app.command()
def bench(
    source: Annotated[str | None, typer.Argument(help="A video. Default: rendered scenes as H.264.")] = None,
    bundle: Bundle = None,
    device: Annotated[str, typer.Option(help="cpu, or cuda: the stages of a frame there.")] = "cpu",
    runtime: Runtime = "auto",
    json_path: Json = None,
    input_size: InputSize = "auto",
) -> None:
    """Measure time, memory and the share of this machine's peak that the network reaches."""
    from perception.evaluation.bench.command import bench

    bench(json_path, source, bundle, device=device, input_size=input_size, runtime=runtime)


@app.command()
def train(
    data: Annotated[
        list[str],
        typer.Option(
            help="A labelled data set, as often as needed: FORMAT:PLACE, such as coco:DIR or masks:DIR, or "
            "NAME=FORMAT:PLACE. Without a format: our own, or the one that its files have (docs/train.md)."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints and logs.")],
    preset: Annotated[str, typer.Option(help="Name of a training configuration.")] = "full",
    val: Annotated[
        list[str] | None,
        typer.Option(help="Labelled pictures to choose the best weights by, named like --data."),
    ] = None,
    classes: Annotated[
        Path | None, typer.Option(help="YAML file with the classes to learn (docs/train.md). Default: ours.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value, as often as needed.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in OUT.")] = False,
) -> None:
    """Train a network on labelled pictures. What is found is shown first; nothing to learn is an error."""
    from perception.training.command import train

    train(data, out, preset, settings or (), resume, val or (), classes)


mtl = typer.Typer(help="Compare ways to share a network and to balance its tasks.", no_args_is_help=True)
app.add_typer(mtl, name="mtl")
Preset = Annotated[str, typer.Option(help="quick, or full for figures that mean something.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="key=value, for every run.")]
Sets = Annotated[list[str], typer.Option(help="A labelled data set, as for `train`; as often as needed.")]
Runs = Annotated[Path, typer.Option(help="Folder for the runs; those it has are not done again.")]


@mtl.command("compare")
def mtl_compare(data: Sets, out: Runs, preset: Preset = "full", settings: Settings = None) -> None:
    """Train every way to share and to balance, and single-task networks; then report."""
    from deploy.speed import speeds
    from perception.training.analysis.command import compare

    compare(preset, data, out, settings or (), speeds)


@mtl.command("groups")
def mtl_groups(data: Sets, out: Runs, preset: Preset = "full", settings: Settings = None) -> None:
    """Train every subset of the tasks and find which belong together; then report."""
    from perception.training.analysis.command import groups

    groups(preset, data, out, settings or ())


@mtl.command("report")
def mtl_report(folder: Annotated[Path, typer.Argument(help="OUT of compare or groups.")]) -> None:
    """One page of what was found: report.html, and the tables as report.md."""
    from perception.training.analysis.command import report

    report(folder)


@app.command()
def export(
    checkpoint: Annotated[
        Path, typer.Argument(help="Folder of a training run (its best weights on val), or a checkpoint.pt.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the bundle.")],
    data: Annotated[
        list[str] | None,
        typer.Option(help="What it learnt from, as for `train`. Default: the data sets that the run names."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the bundle. Default: that of the run's folder.")
    ] = None,
) -> None:
    """Make a model bundle of a trained network: ONNX files, INT8 ones calibrated on labelled pictures."""
    from deploy.build import build

    build(checkpoint, data or (), out, name=name)
    _show_bundle(out)


@app.command()
def quantize(
    bundle: Annotated[
        Path | None, typer.Argument(help="Bundle with fp32 files. Default: the shipped one.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="Labelled pictures, as for `train`: frames of their training splits are drawn."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the bundle.")] = Path("quantised"),
    source: Annotated[
        list[str] | None, typer.Option(help="Draw frames from this drive instead; as often as needed.")
    ] = None,
    method: Annotated[str, typer.Option(help="minmax, percentile, mse or entropy.")] = "percentile",
    equalise: Annotated[str, typer.Option(help="Even out channels: none, first or all.")] = "none",
    keep: Annotated[list[str] | None, typer.Option("--float", help="A layer to leave in float.")] = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames to calibrate on.")] = 192,
    seed: Annotated[int, typer.Option(help="Of the choice of frames.")] = 0,
    sensitivity: Annotated[bool, typer.Option("--sensitivity", help="Show what each layer costs.")] = False,
    precisions: Annotated[
        str, typer.Option(help="Files to make, of int8, trt.int8 and fp16; the last needs no images.")
    ] = "int8,trt.int8",
) -> None:
    """Make int8 (CPU), trt.int8 and fp16 (TensorRT) files of a bundle, from one calibration."""
    from deploy.command import quantize

    wanted = [name.strip() for name in precisions.split(",")]
    drawn, layers = (data or (), source or ()), keep or ()
    quantize(bundle, out, *drawn, method, equalise, layers, frames, seed, sensitivity, wanted)


@app.command()
def engine(
    bundle: Annotated[Path | None, typer.Argument(help="Model bundle. Default: the shipped one.")] = None,
    precision: Annotated[str, typer.Option(help="trt.int8 or fp16.")] = "trt.int8",
    tasks: Annotated[str | None, typer.Option(help=TASKS)] = None,
    dla: Annotated[int | None, typer.Option(min=0, help="DLA core; what it cannot do, the GPU does.")] = None,
    workspace: Annotated[int, typer.Option(min=16, help="MB that one layer may borrow.")] = 1024,
    cache: Annotated[Path | None, typer.Option(help="Where engines are kept.")] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds for each engine.")] = 1800.0,
    check: Annotated[bool, typer.Option(help="Compare with known answers; needs pycuda.")] = True,
    input_size: Annotated[
        str, typer.Option(help="WIDTHxHEIGHT; auto is the bundle's own size, 2x twice its cost.")
    ] = "auto",
) -> None:
    """Build the TensorRT engines of a bundle for this device."""
    from deploy.engine_command import build_engines

    build_engines(bundle, precision, _names(tasks), dla, workspace, cache, timeout, check, input_size)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def node(
    context: typer.Context,
    bus: Annotated[
        str | None, typer.Option(help="Without ROS: a source that plays the camera in this process.")
    ] = None,
    bundle: Bundle = None,
    transport: Annotated[str, typer.Option(help="With --bus: raw or compressed images.")] = "raw",
    device: Device = "auto",
    runtime: Runtime = "auto",
    max_frames: Annotated[int | None, typer.Option(min=1, help="With --bus: stop after so many.")] = None,
    input_size: InputSize = "auto",
    crop: Crop = None,
) -> None:
    """Run as a ROS 2 node; what follows --ros-args goes to ROS. Parameters: docs/ros2.md."""
    from perception.node.command import node, on_bus

    if bus is None:
        node(context.args)
    else:
        on_bus(bus, bundle, transport, device, max_frames, input_size, crop, runtime)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Also measure, and write one file that can be passed on.")
    ] = None,
) -> None:
    """Can this machine run perception, and what to do? Exit code 0: yes, 1: not with everything, 2: no."""
    from deploy.doctor.command import doctor

    raise typer.Exit(doctor(as_json, report))


def _names(tasks: str | None) -> list[str] | None:
    return None if tasks is None else [name for name in re.split(r"[,\s]+", tasks.lower()) if name]


def _source(text: str, camera: Path | None) -> Source:
    from perception.sources import open_source

    if camera is None:
        return open_source(text)
    from perception.camera import CameraModel
    from perception.sources.calibrated import Calibrated

    return Calibrated(open_source(text), CameraModel.load(camera))


def _sinks(out: Path, source: Source, tasks: Sequence[Task], maps: bool, overlay: bool) -> list[Sink]:
    from perception.sinks import Maps, OverlayImages, OverlayVideo, SceneLines

    sinks: list[Sink] = [SceneLines(out / "scenes.jsonl", tasks)]
    if maps:
        sinks.append(Maps(out / "maps", tasks))
    if overlay and source.images:
        sinks.append(OverlayImages(out / "overlay", tasks))
    elif overlay:
        sinks.append(OverlayVideo(out / "overlay.mp4", getattr(source, "fps", LIVE_FPS), tasks))
    return sinks


def _run(
    source: Source, pipeline: Pipeline, sinks: Sequence[Sink], max_frames: int | None, outcome: Outcome
) -> None:
    from perception.pipeline import run

    with _watched(max_frames) as show:
        run(source, pipeline, sinks, max_frames, show, outcome)


@contextmanager
def _watched(total: int | None) -> Iterator[Callable[[Outcome], None]]:
    """A line that counts frames."""
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=errors
    ) as bar:
        line = bar.add_task("starting", total=total)

        def show(outcome: Outcome) -> None:
            bad = {"dropped": outcome.dropped, "failed or lost": outcome.failed + outcome.lost}
            rest = "".join(f", {count} {what}" for what, count in bad.items() if count)
            seen = outcome.answered
            bar.update(line, completed=seen, description=f"{seen} frames{rest}")

        yield show


def _facts(bundle: Path | None, precision: str, pipeline: Pipeline) -> dict[str, Any]:
    """What computed the results."""
    from perception import __version__
    from perception.bundle import SHIPPED, read

    spec = read(bundle or SHIPPED)
    model = {"name": spec.name, "version": spec.version}
    return {
        "perception": __version__,
        "bundle": model,
        "precision": precision,
        "device": pipeline.backend.device,
        "runtimes": pipeline.runtimes,
    }


def _show(report: dict[str, Any], out: Path) -> None:
    """The summary as tables."""
    times = Table("stage", "p50 ms", "p95 ms", "p99 ms", title=escape(report["source"]))
    for name, ms in {**report["ms"], "age": report.get("age_ms")}.items():
        if not ms:
            continue
        times.add_row(name, *(f"{value:.2f}" for value in ms.values()))
    output.print(times)
    found = Table("task", "found, all frames together")
    for task, counts in report["found"].items():
        found.add_row(task, ", ".join(f"{name} {count}" for name, count in counts.items()) or "nothing")
    output.print(found)
    sizes = ", ".join(f"{width} x {height}" for width, height in report["sizes"])
    output.print(
        f"{report['frames']} of {report['captured']} frames ({sizes}), {report['dropped']} dropped, "
        f"{report['lost']} lost, {report['failed']} failed, "
        f"{report['fps']} a second with reading and painting; results in {escape(str(out))}"
    )
