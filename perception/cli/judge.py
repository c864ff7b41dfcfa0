"""Commands that measure how good a bundle is: `evaluate`, `compare`, `gate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perception.cli.options import (
    TASKS,
    Bundle,
    InputSize,
    Json,
    Named,
    Precision,
    Processor,
    Stages,
    Workers,
    WorkerThreads,
    names,
    reproducible,
)
from perception.errors import PerceptionError

if TYPE_CHECKING:
    from perception.evaluation.seeing import Settings

commands = typer.Typer()


@commands.command()
def evaluate(
    drives: Annotated[
        list[str] | None,
        typer.Argument(
            help="Labelled drives or data sets: drive.mcap, data:DIR[:SPLIT], coco:JSON[:IMAGES], "
            "bdd100k:DIR[:SPLIT], tusimple:DIR, culane:DIR[:LIST], synthetic:SEED[:FRAMES], "
            "scenario:NAME:SEED, a folder of one of these formats, or a video without labels."
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Short for data:DATA:SPLIT; or synthetic:SEED[:FRAMES].")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of DATA: train, val, ...")] = "val",
    bundle: Bundle = None,
    precision: Precision = "int8",
    json_path: Json = None,
    threads: WorkerThreads = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use at most this many images of each set, evenly spaced.")
    ] = None,
    device: Processor = "cpu",
    runtime: Named = None,
    tasks: Annotated[str | None, typer.Option(help=TASKS)] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report, results, Parquet tables and scenes.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of worker processes. Default: one per core.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="Evaluate on a Ray cluster: local, auto, HOST:PORT or ray://HOST:PORT.")
    ] = None,
    pace: Annotated[
        str,
        typer.Option(help="every: process every frame. For real time: measured, or milliseconds per frame."),
    ] = "every",
    deadline_ms: Annotated[
        float | None, typer.Option(min=0, help="Count results that are later than this.")
    ] = None,
    input_size: InputSize = "auto",
    stages: Stages = "none",
    corrupt: Annotated[
        str | None,
        typer.Option(
            help="Also measure under corruptions, separated by commas: all, benchmark, extra, road, or names "
            "such as fog,jpeg. Shows how much of each task is left."
        ),
    ] = None,
    severities: Annotated[
        str | None, typer.Option(help="Severities of the corruptions, from 1 to 5. Default: all.")
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option(
            help="Also measure under attacks by someone who knows the weights. pgd: change each picture by "
            "up to 2, 4 and 8 grey levels; patch: lay a printed patch on the road. Shows how often each "
            "task breaks, and how often its confidence tells. Needs the extra `train`."
        ),
    ] = None,
) -> None:
    """Measure a bundle on labelled data. Exit code 0: done, 1: some drives failed, 2: all failed."""
    from perception.evaluation import command
    from perception.evaluation.replay import Pace
    from perception.evaluation.run import Settings
    from perception.outputs import keep_file_apart

    if (data is None) == (not drives):
        raise PerceptionError("expected labelled drives or --data, got both or neither; see --help")
    if data is not None:
        drives = [data if data.startswith("synthetic:") else f"data:{data}:{split}"]
    if device == "cuda":
        workers = workers or 1
    settings = Settings(
        reproducible(bundle, device, precision, threads, input_size, runtime, names(tasks), stages),
        Pace.parse(pace),
        deadline_ms,
        detail=data is None or out is not None,
        limit=limit,
    )
    keep_file_apart(json_path, [*(drives or ()), settings.pipeline.folder])
    way = command.Way(workers, ray, out)
    if corrupt is not None and attack is not None:
        raise PerceptionError("expected --corrupt or --attack, got both; measure one after the other")
    if corrupt is not None:
        _alone("--corrupt", {"--deadline-ms": deadline_ms})
        from perception.evaluation.corrupt.command import Asked
        from perception.evaluation.corrupt.command import corrupt as measure

        asked = Asked.parse(corrupt, severities)
        raise typer.Exit(measure(drives or (), settings, asked, way, json_path))
    if attack is not None:
        unused: dict[str, object] = {"--ray": ray, "--out": out, "--pace": settings.pace}
        unused |= {"--deadline-ms": deadline_ms, "--severities": severities}
        unused |= {"--device": None if device == "cpu" else device, "--workers": workers}
        _alone("--attack", {**unused, "--stages": None if stages == "none" else stages})
        raise typer.Exit(_attack(drives or (), settings, attack, json_path))
    if severities is not None:
        raise PerceptionError("--severities: expected --corrupt with it, got none; see --help")
    raise typer.Exit(command.evaluate(drives or (), settings, way, json_path))


def _alone(option: str, unused: Mapping[str, object]) -> None:
    """Raises PerceptionError for what `option` does not heed."""
    if given := [name for name, value in unused.items() if value is not None]:
        raise PerceptionError(
            f"{option}: expected no {given[0]} with it, which it does not heed; leave it out"
        )


def _attack(drives: Sequence[str], settings: Settings, kind: str, json_path: Path | None) -> int:
    try:
        from perception.attack.command import attack
    except ModuleNotFoundError as error:
        raise PerceptionError(
            f"--attack: expected torch and onnx, got {error}", "pip install 'perception[train]'"
        ) from error
    return attack(drives, settings, kind, json_path)


@commands.command()
def compare(
    before: Annotated[Path, typer.Argument(help="Bundle, or OUT of an evaluation.")],
    after: Annotated[Path, typer.Argument(help="Bundle or OUT to compare it with.")],
    out: Annotated[Path, typer.Option(help="Folder for report.html and compare.json.")] = Path("compared"),
    drive: Annotated[
        list[str] | None,
        typer.Option(
            help="Labelled drive to evaluate bundles on; repeatable. Default: those of the evaluation."
        ),
    ] = None,
    precision: Precision = "int8",
    device: Processor = "cpu",
    runtime: Named = None,
    threads: WorkerThreads = None,
    workers: Workers = 1,
    input_size: InputSize = "auto",
    stages: Stages = "none",
) -> None:
    """Compare two bundles or evaluations: metrics with confidence intervals, and the frames that changed."""
    from perception.evaluation.compare_command import compare_both
    from perception.evaluation.seeing import Settings
    from perception.outputs import locked

    settings = Settings(reproducible(None, device, precision, threads, input_size, runtime, stages=stages))
    with locked(out):
        compare_both(before, after, out, drive or (), settings, workers)


@commands.command()
def gate(
    drives: Annotated[
        list[str], typer.Argument(help="Labelled drives; with stored scenes as reference, any source.")
    ],
    reference: Annotated[Path, typer.Option(help="OUT of an evaluation, or a folder of stored scenes.")],
    tolerance: Annotated[
        float | None,
        typer.Option(min=0, help="How far a metric may fall. Default: 0.01, which is one percentage point."),
    ] = None,
    tolerances: Annotated[
        Path | None, typer.Option(help="JSON file with the tolerance of each field of a scene.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Compare metrics or scenes. Default: whatever the reference holds.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update-reference", help="Replace the reference by the new results.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Also write the outcome as JUnit XML.")] = None,
    bundle: Bundle = None,
    precision: Precision = "int8",
    device: Processor = "cpu",
    runtime: Named = None,
    threads: WorkerThreads = None,
    workers: Workers = 1,
    input_size: InputSize = "auto",
    stages: Stages = "none",
) -> None:
    """Check a bundle against reference results; for CI. Exit code 0: passed, 1: failed, 2: not comparable."""
    from perception.evaluation.gate.command import gate
    from perception.evaluation.seeing import Settings
    from perception.outputs import keep_file_apart

    settings = Settings(reproducible(bundle, device, precision, threads, input_size, runtime, stages=stages))
    keep_file_apart(junit, [*drives, reference, tolerances, settings.pipeline.folder])
    raise typer.Exit(gate(drives, reference, settings, workers, tolerance, tolerances, by, update, junit))
