"""What pruning the shared encoder costs, by which channels go: the importance map, the norm, or chance.

    python -m tools.pruning --data DIR --out docs/results/pruning.json [--bundles PRUNED ...]

First without training: at each share that is kept, the channels are cut out, batch-norm statistics are taken
anew, and the float network is judged on val. Then each bundle in `--bundles`, which `perception mtl prune`
has written, is judged in INT8 and float. INT8 milliseconds of one thread, all taken in turns, are those of
untrained networks of the same shapes: weights do not change the time. FILE.json is read first: what is there
is not measured again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deploy.adapt.gate import settings_of
from deploy.latency.clock import time_all
from deploy.pruned.choose import BY, Looked, Scores, chosen, shares_of, widths_of
from deploy.pruned.prune import PRUNED, Wanted, looked_at
from perception import bundle as bundles
from perception.evaluation.bench.machine import machine
from perception.evaluation.names import headlines
from perception.evaluation.run import evaluate_drives
from perception.model.network import Network
from perception.model.pruned import pruned
from perception.model.shape import Design, Shape
from perception.outputs import write_whole
from perception.training.adapt.align import align
from perception.training.analysis.judge import judge
from perception.types import Size

PRECISIONS = ("int8", "fp32")
SEEDS = {"random": (0, 1, 2)}  # of rules that need some


@dataclass(frozen=True, eq=False)
class Bench:
    """What all cuts have in common."""

    data: Path
    limit: int | None
    network: Network
    looked: Looked
    size: Size

    def judged(self, network: Network) -> dict[str, float]:
        return kept(judge(network, self.size, self.data, self.limit))

    def cut(self, scores: Scores, keep: str) -> Network:
        shape = self.network.trunk.shape
        small = pruned(self.network, chosen(self.network, scores, widths_of(shape.widths, shares_of(keep))))
        align(small, self.looked.images, 0.0, self.looked.crops)
        return small


def kept(metrics: Mapping[str, float]) -> dict[str, float]:
    """Task -> its main metric."""
    return {name: round(score, 5) for name, (score, _) in headlines(metrics).items()}


def untrained(bench: Bench, keeps: Sequence[str], known: dict[str, Any]) -> Any:
    """Judge each cut; yields after each, so that what was found is kept."""
    if "1" not in known:
        known["1"] = {"before": bench.judged(bench.network)}
        yield
    scores: dict[str, Scores] = {}
    for keep in keeps:
        own = known.setdefault(keep, {})
        for by, rule in BY.items():
            for seed in SEEDS.get(by, (0,)):
                name = f"{by} {seed}" if by in SEEDS else by
                if name in own:
                    continue
                if name not in scores:
                    scores[name] = rule(replace(bench.looked, seed=seed))
                own[name] = bench.judged(bench.cut(scores[name], keep))
                print(keep, name, own[name], flush=True)
                yield


def of_bundle(folder: Path, data: Path, limit: int | None) -> dict[str, Any]:
    """Its metrics, and what was done to it."""
    said: dict[str, Any] = {"pruned": bundles.read(folder).info.get(PRUNED, {})}
    for precision in PRECISIONS:
        settings = replace(settings_of(folder, precision), limit=limit)
        said[precision] = kept(evaluate_drives([f"data:{data}:val"], settings).metrics)
    return said


def milliseconds(shape: Shape, size: Size, tasks: tuple[str, ...], keeps: Sequence[str]) -> Any:
    """Share that is kept -> widths and INT8 ms of a frame, one thread."""
    shapes = {k: replace(shape, widths=widths_of(shape.widths, shares_of(k))) for k in ("1", *keeps)}
    designs = {keep: Design("hard", own, size) for keep, own in shapes.items()}
    with tempfile.TemporaryDirectory() as folder:
        times = time_all((), tuple(designs.values()), tasks, Path(folder))
    return {
        keep: {"widths": list(own.shape.widths), "ms": round(times[own], 3)} for keep, own in designs.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="What pruning costs, by which channels go.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, default=bundles.SHIPPED)
    parser.add_argument("--bundles", type=Path, nargs="*", default=())
    parser.add_argument("--keep", nargs="*", default=["0.85", "0.7", "0.5"])
    parser.add_argument("--limit", type=int, help="Val pictures of each kind, at most.")
    given = parser.parse_args()
    spec = bundles.read(given.bundle)
    found = json.loads(given.out.read_text()) if given.out.exists() else {"untrained": {}, "bundles": {}}
    found |= {"bundle": f"{spec.name} {spec.version}", "limit": given.limit, "machine": machine()}

    def write() -> None:
        write_whole(given.out, (json.dumps(found, indent=1) + "\n").encode())

    looked = looked_at(given.bundle, spec, Wanted([str(given.data)]))
    shape = looked.network.trunk.shape
    found["latency"] = milliseconds(shape, spec.input_size, tuple(spec.tasks), given.keep)
    bench = Bench(given.data, given.limit, looked.network, looked, spec.input_size)
    for _ in untrained(bench, given.keep, found["untrained"]):
        write()
    for folder in given.bundles:
        if folder.name not in found["bundles"]:
            found["bundles"][folder.name] = of_bundle(folder, given.data, given.limit)
            print(folder.name, found["bundles"][folder.name], flush=True)
            write()
    write()


if __name__ == "__main__":
    main()
