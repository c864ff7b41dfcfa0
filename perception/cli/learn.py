"""Commands that train: `train`, `mtl`, which compares ways to train, `adapt`, and those that add a task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perception.cli.options import InputSize
from perception.errors import PerceptionError

commands = typer.Typer()


@commands.command()
def train(
    data: Annotated[
        list[str],
        typer.Option(
            help="A labelled data set, as often as needed: FORMAT:PLACE, such as coco:DIR or masks:DIR, or "
            "NAME=FORMAT:PLACE. Without a format: our own, or the one that its files have (docs/train.md)."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints and logs.")],
    preset: Annotated[str, typer.Option(help="Training preset: full, small or quick.")] = "full",
    val: Annotated[
        list[str] | None,
        typer.Option(help="Labelled data to choose the best weights by, named like --data; repeatable."),
    ] = None,
    classes: Annotated[
        Path | None, typer.Option(help="YAML file with the classes to learn (docs/train.md). Default: ours.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting: key=value; repeatable.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue from the last checkpoint in OUT. Give all options again: one that is not given is "
            "its default, and what changed is told.",
        ),
    ] = False,
) -> None:
    """Train a network on labelled images. Shows what it found first; nothing to learn from is an error."""
    from perception.training.command import train

    train(data, out, preset, settings or (), resume, val or (), classes)


mtl = typer.Typer(
    help="Compare sharing architectures, loss balancing and task groups; search for a network in a budget.",
    no_args_is_help=True,
)
commands.add_typer(mtl, name="mtl")
Preset = Annotated[
    str,
    typer.Option(
        help="quick to try it out, full for meaningful results, verdict for its best, six times as long."
    ),
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="Change a setting of every run: key=value; repeatable.")
]
Sets = Annotated[list[str], typer.Option(help="A labelled data set, as for `train`; repeatable.")]
Runs = Annotated[Path, typer.Option(help="Folder for the runs; finished ones in it are kept.")]


@mtl.command("compare")
def mtl_compare(
    data: Sets,
    out: Runs,
    preset: Preset = "full",
    settings: Settings = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Seeds of each; more can be added later. Default: those of the preset."),
    ] = None,
) -> None:
    """Train every sharing architecture and loss balance, and single-task networks; then report."""
    from deploy.speed import speeds
    from perception.training.analysis.command import compare

    compare(preset, data, out, settings or (), speeds, seeds)


@mtl.command("groups")
def mtl_groups(data: Sets, out: Runs, preset: Preset = "full", settings: Settings = None) -> None:
    """Train every subset of the tasks, find which to train together, and report."""
    from perception.training.analysis.command import groups

    groups(preset, data, out, settings or ())


Choices = Annotated[
    list[str] | None,
    typer.Option(
        "--choose",
        help="Change what is searched: NAME=VALUE,... with sharing, balance, width1 to width4, depth1 to "
        "depth4, neck or scale (of the input); repeatable.",
    ),
]
Used = Annotated[str, typer.Option("--input", help="Input in use, WIDTHxHEIGHT, at scale 1.")]
Training = Annotated[str, typer.Option(help="Training preset: full, small or quick.")]


@mtl.command("latency")
def mtl_latency(
    out: Annotated[Path, typer.Option(help="JSON file for the table.")],
    used: Used = "640x384",
    choices: Choices = None,
) -> None:
    """Time the INT8 blocks of the search space on this machine: the table that `search` predicts from."""
    from deploy.latency.command import latency
    from perception.training.search.space import size_of

    latency(out, size_of(used), choices or ())


@mtl.command("search")
def mtl_search(
    data: Sets,
    out: Annotated[Path, typer.Option(help="Folder for the search; one that is there is resumed.")],
    budget_ms: Annotated[
        float, typer.Option(min=0.0, help="Longest time of a frame in INT8 on one thread, in milliseconds.")
    ],
    used: Used = "640x384",
    preset: Training = "small",
    trials: Annotated[int, typer.Option(min=1, help="Networks to try, with each of both searches.")] = 27,
    steps: Annotated[
        int, typer.Option(min=0, help="Training steps of a network. Default: those of the preset.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of proposals and trainings.")] = 0,
    seeds: Annotated[
        int, typer.Option(min=1, help="Fresh seeds that the best networks are trained with.")
    ] = 5,
    latency: Annotated[
        Path | None,
        typer.Option(help="Table of `mtl latency`, such as another machine's. Default: measure here."),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Networks that are trained at a time.")] = 1,
    choices: Choices = None,
    settings: Settings = None,
) -> None:
    """Search for the best network within a latency budget, beside random search of equal cost; report."""
    from deploy.latency.command import table_of
    from perception.training.search.command import run
    from perception.training.search.runs import Wanted
    from perception.training.search.space import size_of

    own = (*(settings or ()), *([f"steps={steps}"] if steps else []))
    wanted = Wanted(
        budget_ms, preset, size_of(used), own, tuple(choices or ()), trials, seed, seeds, processes
    )
    run(wanted, data, out, table_of(latency, out))


@mtl.command("report")
def mtl_report(folder: Annotated[Path, typer.Argument(help="OUT of compare, groups or search.")]) -> None:
    """Write report.html, and its tables as report.md."""
    from perception.training.analysis.command import report

    report(folder)


@mtl.command("parts")
def mtl_parts(
    data: Annotated[
        Path, typer.Option(help="Folder of labelled pictures; those of the split val are looked at.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the page.")],
    bundle: Annotated[Path | None, typer.Option(help="Bundle to look at. Default: the shipped one.")] = None,
    pictures: Annotated[int, typer.Option(min=1, help="Number of pictures, evenly spaced.")] = 12,
    groups: Annotated[int, typer.Option(min=1, help="Groups of channels of each block.")] = 4,
    input_size: InputSize = "auto",
) -> None:
    """Map which part of the shared network serves which task: by gradients, and by knock-outs."""
    from perception.explain.parts.command import parts

    parts(bundle, data, out, pictures, groups, input_size)


@mtl.command("prune")
def mtl_prune(
    data: Sets,
    out: Annotated[Path, typer.Option(help="Folder for the smaller bundle.")],
    bundle: Annotated[Path | None, typer.Option(help="Bundle to prune. Default: the shipped one.")] = None,
    keep: Annotated[
        str,
        typer.Option(
            help="Share of its channels that the shared encoder keeps, or four shares, one for each stage, "
            "separated by commas; rounded to multiples of 8."
        ),
    ] = "0.85",
    by: Annotated[
        str,
        typer.Option(help="What channels are chosen by: importance (for the tasks), norm or random."),
    ] = "importance",
    steps: Annotated[
        int, typer.Option(min=0, help="Training steps of the pruned network; 0: statistics alone.")
    ] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the pictures and the training.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting of the training: key=value; repeatable."),
    ] = None,
) -> None:
    """Write a bundle without the least important channels of the shared encoder: smaller and faster."""
    from deploy.pruned.command import prune
    from deploy.pruned.prune import Wanted

    prune(Wanted(data, keep, by, steps, seed, settings or ()), bundle, out)


Wider = Annotated[Path, typer.Option(help="Folder for the new bundle.")]


@commands.command("add-task")
def add_task(
    name: Annotated[str, typer.Argument(help="Name of the task, such as weather.")],
    data: Annotated[
        list[str],
        typer.Option(
            help="Labels: a folder of pictures for each class; a CSV file with image,class or "
            "image,x1,y1,x2,y2,class; or images/, masks/ and classes.csv (docs/add-task.md). Repeatable."
        ),
    ],
    out: Wider,
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle that the task is added to. Default: the shipped one.")
    ] = None,
    objects: Annotated[
        str, typer.Option(help="Detected class whose objects are classified, such as traffic_light.")
    ] = "",
    classes: Annotated[
        str, typer.Option(help="Classes to learn, separated by commas. Default: all that are labelled.")
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting: steps, lr, views, stride, ...; repeatable."),
    ] = None,
    unfreeze: Annotated[
        bool,
        typer.Option("--unfreeze", help="Train the whole network, held to its old outputs by distillation."),
    ] = False,
    replay: Annotated[
        list[str] | None,
        typer.Option(
            help="With --unfreeze: labelled data of the old tasks, named as for `evaluate`; the part train "
            "is distilled on, the part val judges. Repeatable. Default: rendered scenes."
        ),
    ] = None,
) -> None:
    """Add a task to a bundle: a new head on the frozen network. All old outputs stay the same to the bit.

    With --unfreeze the old network moves; no bundle is written if an old task loses 0.5 points. Exit code 0:
    written, 1: refused, 2: it could not be tried.
    """
    from deploy.added.add import Wanted
    from deploy.added.command import add_task, unfreeze_task
    from perception.training.added.recipe import recipe

    chosen = [label.strip() for label in classes.split(",") if label.strip()]
    wanted = Wanted(name, data, chosen, objects, recipe(settings or ()))
    if unfreeze:
        raise typer.Exit(unfreeze_task(wanted, bundle, out, replay or ()))
    if replay:
        raise PerceptionError(
            "--replay: expected --unfreeze beside it, got a network that is frozen and forgets nothing",
            "add --unfreeze, or leave --replay out",
        )
    add_task(wanted, bundle, out)


@commands.command("remove-task")
def remove_task(
    name: Annotated[str, typer.Argument(help="Name of the task.")],
    bundle: Annotated[Path, typer.Option(help="Bundle that has the task.")],
    out: Wider,
) -> None:
    """Write a bundle without one of its tasks: smaller and faster. The others stay the same to the bit."""
    from deploy.added.command import remove_task

    remove_task(name, bundle, out)


@commands.command("same")
def same(
    bundle: Annotated[Path, typer.Argument(help="Bundle to check, such as one with an added task.")],
    sources: Annotated[
        list[str], typer.Argument(help="Frames to compare on: videos, images, synthetic:SEED.")
    ],
    against: Annotated[
        Path | None, typer.Option(help="Bundle whose outputs must be the same. Default: the shipped one.")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Number of frames, of all sources together.")] = 1000,
) -> None:
    """Check that a bundle gives the outputs of another one, bit for bit, on every runtime here."""
    from deploy.added.command import same

    same(against, bundle, sources, frames)


@commands.command("adapt")
def adapt(
    out: Annotated[Path, typer.Option(help="Folder for the adapted bundle.")],
    bundle: Annotated[Path | None, typer.Option(help="Bundle to adapt. Default: the shipped one.")] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="A few labelled frames of the new camera or city, named as for `train`; repeatable."
        ),
    ] = None,
    unlabelled: Annotated[
        str | None, typer.Option(help="Clip or folder of the new camera; needs no labels.")
    ] = None,
    old: Annotated[
        list[str] | None,
        typer.Option(
            help="Labelled data that must not get worse, named as for `evaluate`; repeatable. Default: "
            "rendered scenes."
        ),
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.01, help="Time limit for learning, in minutes.")] = 5.0,
) -> None:
    """Adapt a bundle to another camera or city. Writes none if a task loses 0.5 points on the old domains.

    Exit code 0: written, 1: refused, 2: it could not be tried.
    """
    from deploy.adapt.command import adapt
    from deploy.adapt.material import Wanted

    raise typer.Exit(adapt(Wanted(data or (), unlabelled, old or (), minutes), bundle, out))
