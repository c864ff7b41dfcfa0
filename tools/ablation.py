"""What each source of labels brings: one short training run without each of them, measured on the val splits.

    python -m tools.ablation --data DIR --out DIR [--report DIR] [--only "all; no idd"] [--set steps=900]

All runs are alike but for what they lack. What a run has measured is kept in OUT, so a second call goes on
with what is missing. Writes `sources.json` and `sources.md`, a table, after every run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer

from deploy.build import build
from perception.errors import DataError
from perception.evaluation.measure import evaluate
from perception.load import load
from perception.sinks.files import write_whole
from perception.training.command import train

METRICS = {  # metric -> column
    "drivable.camvid.iou": "drivable CamVid",
    "drivable.idd.iou": "drivable IDD",
    "drivable.roadseg_ru.iou": "drivable roadseg_ru",
    "lanes.drawn.f1": "lanes drawn F1",
    "detection.camvid.vehicle.ap50": "vehicle CamVid",
    "detection.camvid.person.ap50": "person CamVid",
    "gtsdb.sign.ap50": "sign GTSDB",
    "signs.top1": "signs top-1",
}
CALIBRATION = 8  # images: enough for the bundle to be written; what is measured is its float network


@dataclass(frozen=True)
class Variant:
    """A run that lacks something: files (globs in the data folder), or a source, by a setting."""

    name: str
    files: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        return self.name.replace(", ", "-").replace(" ", "-")


VARIANTS = (
    Variant("all"),
    Variant("no weak lanes", files=("weak/*/*.lanes.png",)),
    Variant("no weak boxes", files=("weak_boxes.jsonl", "weak_boxes_2.jsonl")),
    Variant("no synthetic", settings=("sources.synthetic=0",)),
    Variant("no pasted signs", settings=("paste=0",)),
    Variant("no idd", settings=("sources.idd=0",)),
    Variant("no roadseg_ru, lums", settings=("sources.roadseg_ru=0", "sources.lums=0")),
    Variant("no streets_id, carla", settings=("sources.streets_id=0", "sources.carla=0")),
    Variant("no weak drivable", files=("weak/*/*.drivable.png",)),
    Variant("all, other seed", settings=("seed=1",)),
)


def ablation(
    data: Annotated[Path, typer.Option(help="Folder of labelled pictures.")],
    out: Annotated[Path, typer.Option(help="Folder for runs, bundles and what they measured.")],
    report: Annotated[Path | None, typer.Option(help="Folder for the table. Default: OUT.")] = None,
    preset: str = "small",
    settings: Annotated[list[str] | None, typer.Option("--set", help="key=value, for every run.")] = None,
    only: Annotated[str | None, typer.Option(help="Names of runs, separated by semicolons.")] = None,
) -> None:
    """Train, build and measure every variant that OUT does not have yet."""
    wanted = chosen(only)
    _check_alike(out, preset, settings or [])
    for variant in wanted:
        kept = out / f"{variant.stem}.json"
        if not kept.exists():
            found = measured(variant, data.resolve(), out.resolve(), preset, settings or [])
            write_whole(kept, _json(found))
        runs = list(_kept(out).values())
        write_whole((report or out) / "sources.json", _json({"format": 1, "unit": "fraction", "runs": runs}))
        write_whole((report or out) / "sources.md", page(runs, settings or []).encode())


def chosen(only: str | None) -> list[Variant]:
    """Raises DataError: a name that there is not."""
    if only is None:
        return list(VARIANTS)
    named = {variant.name: variant for variant in VARIANTS}
    wanted = [name.strip() for name in only.split(";")]
    if unknown := [name for name in wanted if name not in named]:
        raise DataError(f"expected runs of {'; '.join(named)}; got {'; '.join(unknown)}")
    return [named[name] for name in wanted]


def measured(variant: Variant, data: Path, out: Path, preset: str, settings: Sequence[str]) -> dict[str, Any]:
    """Train one variant and measure it; what it takes from OUT of an earlier call it does not do again."""
    start = perf_counter()
    run = out / variant.stem
    lacking = run / "data"
    mirror(data, lacking, {path for pattern in variant.files for path in data.glob(pattern)})
    (out / "synthetic").mkdir(parents=True, exist_ok=True)
    link(out / "synthetic", run / "synthetic")  # rendered once for all runs
    train([str(lacking)], run, preset, [*settings, *variant.settings], resume=True)
    build(run / "checkpoint.pt", [str(lacking)], run / "bundle", CALIBRATION, "small")
    with closing(load(run / "bundle", precision="fp32", threads=1)) as pipeline:
        metrics = evaluate(pipeline, data, "val")
    facts = {"name": variant.name, "lacks": variant.files, "settings": [*settings, *variant.settings]}
    config = json.loads((run / "config.json").read_text())
    times = {"steps": config["steps"], "seconds": round(perf_counter() - start)}
    return {**facts, "preset": preset, **times, "metrics": metrics}


def mirror(source: Path, copy: Path, lacking: Iterable[Path]) -> None:
    """A folder of links to what is in `source`, without the files in `lacking`.

    Folders that lack nothing are one link.
    """
    left_out = set(lacking)
    _mirror(source, copy, left_out, {folder for path in left_out for folder in path.parents})


def _mirror(source: Path, copy: Path, left_out: set[Path], holders: set[Path]) -> None:
    copy.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        if entry in holders:
            _mirror(entry, copy / entry.name, left_out, holders)
        elif entry not in left_out:
            link(entry, copy / entry.name)


def link(to: Path, path: Path) -> None:
    """A symbolic link, replaced if there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.symlink(to, path)


def page(runs: Sequence[Mapping[str, Any]], settings: Sequence[str]) -> str:
    """The table and how it was made; `settings`: of every run."""
    steps, given = runs[0]["steps"], " ".join(f"--set {x}" for x in settings)
    return f"""# What each source of labels brings

Short runs (preset `{runs[0]["preset"]}`, {steps} steps) that are alike but for what one of them lacks,
measured on the val splits, float network, in percent; in brackets the difference to the run `all`, which
lacks nothing. One run each: how far apart two runs are that differ in the seed alone is seen in the row of
the other seed, if there is one. So short a training says which way a source pulls; it does not say how good
the shipped network is, and nothing about classes that it has hardly begun to find.

{table(runs)}

Command: `python -m tools.ablation --data DIR --out DIR {given}`. Metrics: [metrics.md](../../metrics.md).
"""


def table(runs: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: the metrics of each run in percent, behind each the difference to `all`, if there is one."""
    whole: Mapping[str, float] = next((run["metrics"] for run in runs if run["name"] == "all"), {})
    rows = [["", *METRICS.values()], ["---", *["---:"] * len(METRICS)]]
    rows += [[run["name"], *_cells(run["metrics"], whole)] for run in runs]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(metrics: Mapping[str, float], whole: Mapping[str, float]) -> Iterator[str]:
    for name in METRICS:
        if name not in metrics:
            yield ""
        elif metrics is whole or name not in whole:
            yield f"{100 * metrics[name]:.1f}"
        else:
            yield f"{100 * metrics[name]:.1f} ({100 * (metrics[name] - whole[name]):+.1f})"


def _kept(out: Path) -> dict[Variant, Any]:
    """What the finished runs measured, in the order of VARIANTS."""
    paths = {variant: out / f"{variant.stem}.json" for variant in VARIANTS}
    return {variant: json.loads(path.read_text()) for variant, path in paths.items() if path.exists()}


def _check_alike(out: Path, preset: str, settings: Sequence[str]) -> None:
    """Raises DataError if `out` has runs that would differ from the others in more than what they lack."""
    for variant, run in _kept(out).items():
        wanted, got = (preset, [*settings, *variant.settings]), (run["preset"], run["settings"])
        if wanted != got:
            raise DataError(
                f"{out / variant.stem}.json: expected a run of preset {wanted[0]} with {wanted[1]}, "
                f"got one of {got[0]} with {got[1]}; give the same settings, or choose another --out"
            )


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()


if __name__ == "__main__":
    typer.run(ablation)
