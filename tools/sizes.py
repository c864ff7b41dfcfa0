"""Accuracy against time by input size: what a camera's cost factor buys.

    python -m tools.sizes --data DIR --out FILE.json [--split val] [--bundle NAME] [--runtime R] [--limit N]

At each cost factor every labelled picture is seen in its own shape, and a rendered 1280 x 720 frame is timed
on one thread, the factors in turns. Writes FILE.json, with every metric, and FILE.md beside it, a table.
Weights do not change the time: `--times OLD.json` takes it from an earlier table of a network of that shape,
so that only the accuracy is measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from perception import bundle as bundles
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
    parser.add_argument("--runtime", default="onnxruntime")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--factors", default=",".join(f"{factor:g}" for factor in FACTORS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--times", type=Path, metavar="OLD.json")
    given = parser.parse_args()
    factors = [float(factor) for factor in given.factors.split(",")]
    with ExitStack() as stack:
        pipelines = opened(given.bundle, given.precision, given.runtime, factors, stack)
        times, timing = (
            earlier(given.times, pipelines) if given.times else (timed(pipelines, given.rounds), machine())
        )
        dataset = read_folder(given.data, given.split, lanes.CLASSES).thinned(given.limit)
        frames = replace(dataset, crops=())  # crops of signs have a network, and a size, of their own
        rows = [
            {"factor": factor, **times[factor], "metrics": measure_dataset(pipeline, frames).metrics}
            for factor, pipeline in pipelines.items()
        ]
    spec = bundles.read(given.bundle)
    facts = {"bundle": f"{spec.name} {spec.version}", "precision": given.precision, "split": given.split}
    facts |= {"runtime": given.runtime, "limit": given.limit, "threads": 1}
    report = {**facts, "machine": timing, "sizes": rows}
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


def timed(pipelines: Mapping[float, Pipeline], rounds: int) -> dict[float, dict[str, Any]]:
    """Of each: the input size for the frame, and milliseconds of processor time for it, whole and network."""
    frame = next(iter(open_source(TIMED)))
    calls: dict[str, Callable[[], object]] = {}
    stages: dict[float, list[Mapping[str, float]]] = {factor: [] for factor in pipelines}
    for factor, pipeline in pipelines.items():
        calls[str(factor)] = partial(_see, pipeline, frame, stages[factor])
    times = interleaved(calls, rounds)
    return {
        factor: {
            "input_size": list(pipeline.size_for(frame.size)),
            "ms": median(times[str(factor)].cpu),
            "network_ms": median([stage["network"] for stage in stages[factor]]),
        }
        for factor, pipeline in pipelines.items()
    }


def earlier(
    file: Path, pipelines: Mapping[float, Pipeline]
) -> tuple[dict[float, dict[str, Any]], dict[str, Any]]:
    """As `timed`, of an earlier report, and the machine of that. Raises DataError if it lacks a factor."""
    report = json.loads(file.read_text())
    times = {row["factor"]: {key: row[key] for key in TIMES} for row in report["sizes"]}
    if missing := sorted(set(pipelines) - set(times)):
        raise DataError(f"{file}: expected the times of the factors {missing}, got {sorted(times)}")
    return {factor: times[factor] for factor in pipelines}, report["machine"]


def _see(pipeline: Pipeline, frame: Frame, stages: list[Mapping[str, float]]) -> None:
    stages.append(pipeline(frame).timing_ms)


def table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Lines of Markdown; accuracy in %."""
    yield f"| cost | input for 16:9 | ms | {' | '.join(FIGURES)} |"
    yield f"|---:|---|---:|{'---:|' * len(FIGURES)}"
    for row in rows:
        width, height = row["input_size"]
        cells = " | ".join(_cell(row["metrics"], pattern) for pattern in FIGURES.values())
        yield f"| {row['factor']:g}x | {width}x{height} | {row['ms']:.1f} | {cells} |"


def _cell(metrics: Mapping[str, float], pattern: str) -> str:
    """The mean of the metrics of that name, in %; a dash where nothing was measured."""
    found = [value for name, value in metrics.items() if fnmatch(name, pattern)]
    return f"{100 * mean(found):.1f}" if found else "-"


if __name__ == "__main__":
    main()
