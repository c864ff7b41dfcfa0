"""The latency table of a machine: what each block takes there, and what a whole network takes besides."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from deploy.latency.blocks import Tasks, blocks
from deploy.latency.clock import time_all
from deploy.latency.graphs import Block
from perception.errors import DataError, brief
from perception.evaluation.bench.machine import machine
from perception.model.shape import Design
from perception.sinks.files import write_whole

FORMAT = 1
SPREAD = 3  # whole networks of each way to share: fitted to the first and the last, checked on those between
REMEDY = "make one on this machine: perception mtl latency --out FILE"


@dataclass(frozen=True)
class Table:
    """`factor`: way to share -> what a network takes over the sum of its blocks.

    Above 1: in a network a block finds its weights in no near cache, and some small operations are no blocks.
    """

    processor: str
    tasks: Tasks
    times: Mapping[Block, float]
    factor: Mapping[str, float]
    checks: Sequence[Mapping[str, Any]] = ()  # networks that it was not fitted to: foretold and measured

    def predict(self, design: Design) -> float:
        """Ms of a frame. Raises DataError if the table lacks a block or the way to share."""
        parts = blocks(design, self.tasks)
        if design.sharing not in self.factor or (missing := [x for x in parts if x not in self.times]):
            lacks = design.sharing if design.sharing not in self.factor else tuple(missing[0])
            raise DataError(f"latency table: expected one with {lacks}, got one without; {REMEDY}")
        return self.factor[design.sharing] * sum(self.times[part] for part in parts)

    def measure(self, designs: Sequence[Design], folder: Path) -> dict[Design, float]:
        """Measured here: ms of a frame of each INT8 file, which is written to `folder`."""
        found = time_all([], designs, self.tasks, folder)
        return {design: found[design] for design in designs}

    def write(self, path: Path) -> None:
        found = {
            "format": FORMAT,
            "processor": self.processor,
            "tasks": list(self.tasks),
            "factor": dict(self.factor),
            "checks": list(self.checks),
            "blocks": [[*block, round(ms, 5)] for block, ms in sorted(self.times.items())],
        }
        write_whole(path, (json.dumps(found, indent=1) + "\n").encode())


def read(path: Path) -> Table:
    """Raises DataError if it is none. Warns if it is of another processor."""
    try:
        found = json.loads(path.read_text())
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']}")
        times = {Block(*own[:-1]): float(own[-1]) for own in found["blocks"]}
        factor = {str(name): float(x) for name, x in found["factor"].items()}
        table = Table(found["processor"], tuple(found["tasks"]), times, factor, found["checks"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: expected a latency table of format {FORMAT}: {brief(error)}; {REMEDY}"
        ) from error
    here = machine()["processor"]
    if table.processor != here:
        print(
            f"{path}: a table of another processor, {table.processor}; here is {here}. "
            "The budget holds there, and what is measured at the end is measured here",
            file=sys.stderr,
        )
    return table


def make(
    pairs: Sequence[Design],
    spread: Callable[[int], Sequence[Design]],
    tasks: Collection[str],
    told: Callable[[str], None] = lambda text: None,
) -> Table:
    """Time every block of `pairs`, and some whole networks.

    `spread(n)`: n of each way to share from the smallest to the largest, and perhaps others behind them.
    """
    wanted = tuple(tasks)
    whole = list(spread(SPREAD))
    parts = sorted({part for design in (*pairs, *whole) for part in blocks(design, wanted)})
    told(f"{len(parts)} blocks and {len(whole)} whole networks")
    with tempfile.TemporaryDirectory() as folder:
        found = time_all(parts, whole, wanted, Path(folder))
    times, real = {part: found[part] for part in parts}, {design: found[design] for design in whole}
    sums = {design: sum(times[part] for part in blocks(design, wanted)) for design in whole}
    ways: dict[str, list[Design]] = {}
    for design in dict.fromkeys(whole):
        ways.setdefault(design.sharing, []).append(design)
    fitted = {way: (own[0], own[min(SPREAD, len(own)) - 1]) for way, own in ways.items()}
    factor = {way: mean(real[design] / sums[design] for design in own) for way, own in fitted.items()}
    table = Table(machine()["processor"], wanted, times, factor)
    foretold = [design for way, own in ways.items() for design in own if design not in fitted[way]]
    checks = [check(design, table.predict(design), real[design]) for design in foretold]
    return replace(table, checks=checks)


def check(design: Design, foretold: float, measured: float) -> dict[str, Any]:
    error = round(100 * (foretold - measured) / measured, 2)
    return {
        "design": str(design),
        "predicted_ms": round(foretold, 3),
        "measured_ms": round(measured, 3),
        "error_percent": error,
    }
