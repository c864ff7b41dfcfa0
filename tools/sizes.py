"""Accuracy against time by input size: what a camera's cost factor buys.

    python -m tools.sizes --data DIR --out FILE.json [--split val] [--bundle NAME] [--limit N]

At each cost factor every labelled picture is seen in its own shape, by onnxruntime, and a rendered 1280 x 720
frame is timed on one thread, the factors and all CPU runtimes that are installed in turns. Writes FILE.json,
with every metric, and FILE.md beside it, a table. The two parts may be taken from earlier reports: `--times
OLD.json`, since weights do not change the time of a network of that shape, and `--accuracy OLD.json` of the
same bundle, where only the times are to be measured anew.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from perception import bundle as bundles
from perception.backends.runtimes import FIRST, installed
from perception.errors import DataError
from perception.evaluation.bench.clock import interleaved, median
from perception.evaluation.bench.machine import machine
from perception.evaluation.measure import measure_dataset
from perception.labels.folder import read_folder
from perception.load import load
from perception.pipeline import Pipeline
from perception.sinks.files import write_whole
from perception.sources import open_source
from perception.tasks import lanes
from perception.types import Frame

FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
ROUNDS = 12
TIMED = "synthetic:7"  # its first frame: 1280 x 720
TIMES = ("input_size", "ms", "network_ms")
ACCURACY = ("metrics",)
SEEN = ("bundle", "precision", "split", "limit")  # what the accuracy depends on
FIGURES = {  # column -> metrics, of which it is the mean
    "drivable IoU": "drivable.*.iou",
    "lanes F1": "lanes.drawn.f1",
    "CamVid vehicle AP50": "detection.camvid.vehicle.ap50",
    "CamVid person AP50": "detection.camvid.person.ap50",
    "GTSDB sign AP50": "gtsdb.sign.ap50",
    "GTSDB read F1": "gtsdb.sign.read_f1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Accuracy against time by input size.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--bundle", type=bundles.folder, default=bundles.SHIPPED)
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--factors", default=",".join(f"{factor:g}" for factor in FACTORS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--times", type=Path, metavar="OLD.json")
    parser.add_argument("--accuracy", type=Path, metavar="OLD.json")
    given = parser.parse_args()
    factors = [float(factor) for factor in given.factors.split(",")]
    spec = bundles.read(given.bundle)
    facts = {"bundle": f"{spec.name} {spec.version}", "precision": given.precision, "split": given.split}
    facts |= {"limit": given.limit}
    with ExitStack() as stack:
        pipelines = {
            runtime: opened(given.bundle, given.precision, runtime, factors, stack) for runtime in installed()
        }
        times = earlier(given.times, TIMES, factors) if given.times else timed(pipelines, given.rounds)
        seen = earlier(given.accuracy, ACCURACY, factors, facts) if given.accuracy else {}
        if not seen:
            dataset = read_folder(given.data, given.split, lanes.CLASSES).thinned(given.limit)
            frames = replace(dataset, crops=())  # crops of signs have a network, and a size, of their own
            for factor, pipeline in pipelines[FIRST].items():
                seen[factor] = {"metrics": measure_dataset(pipeline, frames).metrics}
    timing = json.loads(given.times.read_text())["machine"] if given.times else machine()
    rows = [{"factor": factor, **times[factor], **seen[factor]} for factor in factors]
    report = {**facts, "threads": 1, "machine": timing, "sizes": rows}
    write_whole(given.out, (json.dumps(report, indent=1) + "\n").encode())
    write_whole(given.out.with_suffix(".md"), ("\n".join(table(rows)) + "\n").encode())
    print("\n".join(table(rows)))


def opened(
    bundle: Path, precision: str, runtime: str, factors: Sequence[float], stack: ExitStack
) -> dict[float, Pipeline]:
    """A pipeline at each factor, closed with the stack."""
    pipelines = {}
    for factor in factors:
        size = f"{factor:g}x"
        pipelines[factor] = load(
            bundle, "cpu", precision=precision, threads=1, input_size=size, runtime=runtime
        )
        stack.callback(pipelines[factor].close)
    return pipelines


def timed(pipelines: Mapping[str, Mapping[float, Pipeline]], rounds: int) -> dict[float, dict[str, Any]]:
    """Factor -> the input size for the frame; by runtime the milliseconds of processor time for it, whole and
    of the network alone."""
    frame = next(iter(open_source(TIMED)))
    every = {(runtime, factor): own[factor] for runtime, own in pipelines.items() for factor in own}
    stages: dict[tuple[str, float], list[Mapping[str, float]]] = {key: [] for key in every}
    times = interleaved(
        {str(key): partial(_see, pipeline, frame, stages[key]) for key, pipeline in every.items()}, rounds
    )
    return {
        factor: {
            "input_size": list(pipeline.size_for(frame.size)),
            "ms": {runtime: median(times[str((runtime, factor))].cpu) for runtime in pipelines},
            "network_ms": {
                runtime: median([stage["network"] for stage in stages[runtime, factor]])
                for runtime in pipelines
            },
        }
        for factor, pipeline in pipelines[FIRST].items()
    }


def earlier(
    file: Path, keys: Sequence[str], factors: Sequence[float], facts: Mapping[str, Any] | None = None
) -> dict[float, dict[str, Any]]:
    """Factor -> these keys of an earlier report.

    Raises DataError if it lacks a factor, or its accuracy is not of the same `facts`.
    """
    report = json.loads(file.read_text())
    if facts and (theirs := {key: report[key] for key in SEEN}) != facts:
        raise DataError(f"{file}: expected the accuracy of {facts}, got that of {theirs}")
    rows = {row["factor"]: {key: row[key] for key in keys} for row in report["sizes"]}
    if missing := sorted(set(factors) - set(rows)):
        raise DataError(f"{file}: expected a row for the factors {missing}, got {sorted(rows)}")
    return rows


def _see(pipeline: Pipeline, frame: Frame, stages: list[Mapping[str, float]]) -> None:
    stages.append(pipeline(frame).timing_ms)


def table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Lines of Markdown; accuracy in %."""
    runtimes = list(rows[0]["ms"])
    columns = [*(f"ms, {runtime}" for runtime in runtimes), *FIGURES]
    yield f"| cost | input for 16:9 | {' | '.join(columns)} |"
    yield f"|---:|---|{'---:|' * len(columns)}"
    for row in rows:
        width, height = row["input_size"]
        cells = [f"{row['ms'][runtime]:.1f}" for runtime in runtimes]
        cells += [_cell(row["metrics"], pattern) for pattern in FIGURES.values()]
        yield f"| {row['factor']:g}x | {width}x{height} | {' | '.join(cells)} |"


def _cell(metrics: Mapping[str, float], pattern: str) -> str:
    """The mean of the metrics of that name, in %; a dash where nothing was measured."""
    found = [value for name, value in metrics.items() if fnmatch(name, pattern)]
    return f"{100 * mean(found):.1f}" if found else "-"


if __name__ == "__main__":
    main()
