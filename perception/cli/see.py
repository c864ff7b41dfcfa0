"""Commands that look at pictures: `run`, `record`, `node`, `bench`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from typer.core import TyperCommand

from perception.cli.app import INTERRUPTED, errors, output, parted
from perception.cli.options import (
    SOURCE,
    TASKS,
    Bundle,
    Camera,
    CameraHeight,
    Crop,
    Deadline,
    Device,
    InputSize,
    Json,
    MountFile,
    OwnMotion,
    Precision,
    Runtime,
    Shed,
    Stages,
    Threads,
    names,
    stages_of,
)
from perception.redaction import redacted

if TYPE_CHECKING:
    from perception.interfaces import Painter, Sink, Source
    from perception.pipeline import Outcome, Pipeline


commands = typer.Typer()
log = logging.getLogger(__name__)


@commands.command()
def run(
    source: Annotated[str, typer.Argument(help=SOURCE)],
    bundle: Bundle = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("out"),
    tasks: Annotated[str | None, typer.Option(help=TASKS)] = None,
    precision: Precision = "int8",
    device: Device = "auto",
    camera: Camera = None,
    camera_height: CameraHeight = None,
    ego: OwnMotion = None,
    save_maps: Annotated[
        bool, typer.Option("--save-maps", help="Also write class maps as PNG files to OUT/maps.")
    ] = False,
    no_video: Annotated[bool, typer.Option("--no-video", help="Write no overlay.")] = False,
    bev: Annotated[
        bool, typer.Option("--bev", help="Draw a bird's-eye view in metres into the overlay; needs a camera.")
    ] = False,
    max_frames: Annotated[int | None, typer.Option(min=1, help="Stop after this many frames.")] = None,
    threads: Threads = None,
    input_size: InputSize = "auto",
    crop: Crop = None,
    runtime: Runtime = "auto",
    stages: Stages = "all",
    mount: MountFile = None,
    shed: Shed = None,
    deadline_ms: Deadline = 200.0,
) -> None:
    """Detect objects, signs, lanes and drivable area in a video, in images or from a camera.

    Writes an overlay, scenes.jsonl and summary.json to OUT.
    """
    from perception.config import PipelineConfig
    from perception.drives.summary import NAME, RESULTS, summarised
    from perception.evaluation.tracking.flicker import Flicker
    from perception.health import watching
    from perception.outputs import keep_apart, locked
    from perception.pipeline import Outcome
    from perception.shedding import order
    from perception.sinks.tally import Tally

    keep_apart([out / name for name in (NAME, *RESULTS)], [source, camera, ego, mount])
    config = PipelineConfig(
        bundle, device, names(tasks), precision, threads, input_size, crop, runtime, stages_of(stages), mount
    )
    pipeline, frames = config.load(), _source(source, camera, camera_height, ego)
    shedding = order(pipeline.tasks, names(shed))
    files = _files(frames, save_maps, not no_video)
    if frames.images:
        pipeline.for_stills()
    tally, outcome = Tally(pipeline.tasks, frames.live), Outcome()
    facts = {"source": redacted(source), **config.facts(pipeline)}
    with closing(pipeline), locked(out), summarised(out, facts, tally, outcome, files) as report:
        flicker = None if frames.images or frames.live else Flicker()
        sinks = [
            *_sinks(out, files, frames, pipeline, bev),
            tally,
            *filter(None, [flicker]),
        ]
        with watching(getattr(frames, "health", None)):
            _run(frames, pipeline, sinks, max_frames, outcome, shedding, deadline_ms)
        if flicker is not None:
            report["flicker"] = {name: round(value, 4) for name, value in flicker.result().items()}
    _show(report, out)
    if bev and no_video:
        log.warning("--bev draws into the overlay, and --no-video writes none")
    for option in [name for name, given in (("--bev", bev), ("--mount", mount)) if given]:
        if tally.frames and not tally.calibrated:
            log.warning("%s did nothing: no frame had a camera; give one: --camera FILE", option)
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)


@commands.command()
def record(
    source: Annotated[str, typer.Argument(help=SOURCE)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="MCAP file to write; .mcap is added to another name.")
    ],
    bundle: Bundle = None,
    tasks: Annotated[str | None, typer.Option(help=TASKS)] = None,
    precision: Precision = "int8",
    device: Device = "auto",
    camera: Camera = None,
    camera_height: CameraHeight = None,
    ego: OwnMotion = None,
    truth: Annotated[
        bool, typer.Option("--truth", help="Also record the labels of synthetic:SEED or scenario:NAME:SEED.")
    ] = False,
    no_results: Annotated[
        bool, typer.Option("--no-results", help="Record images only; run no network.")
    ] = False,
    max_frames: Annotated[int | None, typer.Option(min=1, help="Stop after this many frames.")] = None,
    threads: Threads = None,
    input_size: InputSize = "auto",
    crop: Crop = None,
    runtime: Runtime = "auto",
    stages: Stages = "all",
    mount: MountFile = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing recording.")] = False,
) -> None:
    """Record images and results as an MCAP file that ROS 2 tools read."""
    from perception.config import PipelineConfig
    from perception.drives.record import Settings, record

    config = PipelineConfig(
        bundle, device, names(tasks), precision, threads, input_size, crop, runtime, stages_of(stages), mount
    )
    settings = Settings(
        config, camera, camera_height, ego, truth, results=not no_results, overwrite=overwrite
    )
    if out.suffix != ".mcap":  # the name by which it is read again
        out = out.with_name(f"{out.name}.mcap")
    with _watched(max_frames) as show:
        outcome = record(source, out, settings, max_frames, show)
    output.print(
        f"{escape(str(out))}: {outcome.answered} frames, {outcome.dropped} dropped, "
        f"{outcome.failed + outcome.lost} failed or lost"
    )
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)


class RosCommand(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What ROS is told is taken as it is, into `ctx.args`; all before it has to be an option."""
        own, ros = parted(args)
        super().parse_args(ctx, own)
        ctx.args = ros
        return ros


@commands.command(cls=RosCommand)
def node(
    context: typer.Context,
    bus: Annotated[
        str | None, typer.Option(help="Run without ROS, with this source in place of the camera topic.")
    ] = None,
    bundle: Bundle = None,
    transport: Annotated[str, typer.Option(help="Images of the camera topic: raw or compressed.")] = "raw",
    device: Device = "auto",
    runtime: Runtime = "auto",
    max_frames: Annotated[
        int | None, typer.Option(min=1, help="With --bus: stop after this many frames.")
    ] = None,
    input_size: InputSize = "auto",
    crop: Crop = None,
) -> None:
    """Run as a ROS 2 node. Arguments after --ros-args go to ROS; docs/ros2.md lists the parameters."""
    from perception.node.command import node, on_bus
    from perception.node.parameters import Settings

    settings = Settings(
        bundle=str(bundle or ""),
        transport=transport,
        device=device,
        input_size=input_size,
        crop=crop or "",
        runtime=runtime,
    )
    if bus is not None:
        if context.args:
            raise typer.BadParameter(f"expected no ROS beside --bus, got {' '.join(context.args)}")
        on_bus(bus, settings, max_frames)
    elif max_frames is not None:
        raise typer.BadParameter("expected --bus beside it: a ROS node runs on", param_hint="--max-frames")
    else:
        node(context.args, settings)


@commands.command()
def bench(
    source: Annotated[
        str | None, typer.Argument(help="Video to measure on. Default: rendered scenes as H.264.")
    ] = None,
    bundle: Bundle = None,
    device: Annotated[str, typer.Option(help="cpu, or cuda to time the stages of a frame there.")] = "cpu",
    runtime: Runtime = "auto",
    json_path: Json = None,
    input_size: InputSize = "auto",
) -> None:
    """Measure latency, memory, and how much of this machine's peak the network reaches."""
    from perception import bundle as bundles
    from perception.evaluation.bench.command import bench
    from perception.outputs import keep_file_apart

    keep_file_apart(json_path, [source, bundles.folder(bundle)])
    bench(json_path, source, bundle, device=device, input_size=input_size, runtime=runtime)


def _source(text: str, camera: Path | None, height: float | None, ego: Path | None) -> Source:
    from perception.sources import open_source
    from perception.sources.calibrated import with_files

    return with_files(open_source(text), camera, height, ego)


def _files(source: Source, maps: bool, overlay: bool) -> list[str]:
    """Of SINKS those that are wanted."""
    wanted = {"scenes.jsonl": True, "maps": maps, "overlay" if source.images else "overlay.mp4": overlay}
    return [name for name in wanted if wanted[name]]


def _sinks(out: Path, files: Sequence[str], source: Source, pipeline: Pipeline, bev: bool) -> list[Sink]:
    from perception.fields import classes_of
    from perception.sinks import SINKS
    from perception.timing import USUAL_FPS

    painters: list[Painter] = [*pipeline.tasks, *pipeline.stages]
    if bev:
        from perception.stages.birds_eye import BirdsEye

        painters.append(BirdsEye(classes_of(pipeline.tasks).get("detection", ())))
    fps = source.fps or USUAL_FPS
    return [SINKS[name](out / name, pipeline.tasks, painters, fps) for name in files]


def _run(
    source: Source,
    pipeline: Pipeline,
    sinks: Sequence[Sink],
    max_frames: int | None,
    outcome: Outcome,
    shed: Sequence[str],
    deadline_ms: float,
) -> None:
    """Tasks are left out only of a live source: a recording waits."""
    from perception.health import Limits
    from perception.pipeline import run
    from perception.shedding import Shedding

    health = getattr(source, "health", None)
    with _watched(max_frames) as show:
        if health is None:
            run(source, pipeline, sinks, max_frames, show, outcome)
            return
        health.limits = Limits(deadline_ms)
        shedding = Shedding(pipeline, health, shed)
        run(source, shedding, sinks, max_frames, show, outcome, shedding.spent)


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
    if told := ", ".join(f"{name} {value:g}" for name, value in report.get("flicker", {}).items()):
        output.print(f"flicker: {told}", highlight=False)
    sizes = ", ".join(f"{width} x {height}" for width, height in report["sizes"])
    output.print(
        f"{report['frames']} of {report['captured']} frames ({sizes}), {report['dropped']} dropped, "
        f"{report['lost']} lost, {report['failed']} failed, "
        f"{report['fps']} a second with reading and painting; results in {escape(str(out))}"
    )
