"""What ten labelled frames, or 32 unlabelled ones, of a domain that a bundle never learnt are worth.

    python -m tools.adapt_draws --data DIR --out docs/results/adapt.json --scenes DIR [--draws 3]

Two domains of the driving data: `acdc`, another city by night, in snow, rain and fog, of which the shipped
bundle learnt nothing; and `camera`, CamVid as a darker, noisier camera with other colours would show it. Each
draw takes COUNT frames to adapt by, of acdc those of val, and judges by the others; of camera those of train,
and judges by val. Judged are, in float on the processor, the network before, with the whole change, and with
the largest share of it that the gate of `perception adapt` lets pass on old val pictures of all other sets.
The statistics are those of FRAMES frames without their labels, of acdc also of such as judge, against those
of as many old pictures. FILE.json is read first: what is there is not measured again.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from deploy.adapt import gate
from deploy.adapt.material import FRAMES, SCENES, Material, letterboxed
from perception import bundle as bundles
from perception.evaluation.bench.machine import machine
from perception.evaluation.measure import report
from perception.evaluation.names import headlines
from perception.labels.folder import read_folder
from perception.labels.labelled import spaced
from perception.labels.own import Picture, pictures
from perception.labels.truth import Truth
from perception.model.network import Network
from perception.outputs import write_whole
from perception.tasks import lanes
from perception.training.adapt.align import align
from perception.training.adapt.crossed import Gain, crossed
from perception.training.adapt.fit import Recipe, fit
from perception.training.adapt.frames import Labelled
from perception.training.adapt.mixed import ALL, mixed
from perception.training.adapt.start import network_of
from perception.training.analysis.judge import records
from perception.training.data import synthetic
from perception.training.data.foreign import Pictures
from perception.types import Frame

COUNT = 10  # labelled frames of a draw
MOST = 50  # frames of a domain
OLD = 12  # pictures of each old set
WAYS = ("statistics", "heads", "affine", "all")
GAMMA, GAINS, NOISE = 1.8, (0.6, 0.8, 0.95), 6.0  # of the other camera; blue, green, red
MAIN = ("acdc", "camvid")  # sets whose metrics are kept one by one


@dataclass(frozen=True)
class Dimmed:
    """A picture as another camera would show it; noise is its own and the same each time."""

    picture: Picture

    def __getattr__(self, name: str) -> Any:
        return getattr(self.picture, name)

    def read(self, seq: int) -> tuple[Frame, Truth]:
        frame, truth = self.picture.read(seq)
        rng = np.random.default_rng(sum(self.picture.image.name.encode()))
        dark = np.power(frame.image / 255, GAMMA) * np.multiply(GAINS, 255)
        return replace(frame, image=_bytes(dark + rng.normal(0, NOISE, dark.shape))), truth


def _bytes(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.blur(np.clip(np.rint(image), 0, 255).astype(np.uint8), (2, 2)))


@dataclass(frozen=True, eq=False)
class Bench:
    """What all draws have in common."""

    folder: Path
    network: Network  # before
    scenes: Sequence[Any]
    old: Sequence[Any]
    before: gate.Judged  # of the old pictures

    def judged(self, network: Network, stills: Sequence[Any]) -> dict[str, float]:
        spec = bundles.read(self.folder)
        return report(records(network, spec.input_size, stills)).metrics


@dataclass(frozen=True, eq=False)
class Domain:
    """Frames to draw from, and those that judge; None: what was not drawn."""

    frames: Sequence[Any]
    judged: Sequence[Any] | None = None

    def draw(self, seed: int) -> tuple[list[Any], list[Any]]:
        """COUNT to learn from, and what to judge by."""
        order = np.random.default_rng(seed).permutation(len(self.frames))
        learnt, rest = ([self.frames[k] for k in part] for part in (order[:COUNT], order[COUNT:]))
        return learnt, rest if self.judged is None else list(self.judged)


def domains(data: Path) -> tuple[dict[str, Domain], list[Picture]]:
    """By name, and the old pictures."""
    val, train = (_by_set(data, split) for split in ("val", "train"))
    old = [picture for name, own in val.items() if name != "acdc" for picture in spaced(own, OLD)]
    frames, judged = ([Dimmed(p) for p in spaced(own["camvid"], MOST)] for own in (train, val))
    return {"acdc": Domain(val["acdc"]), "camera": Domain(frames, judged)}, old


def _by_set(data: Path, split: str) -> dict[str, list[Picture]]:
    found: dict[str, list[Picture]] = {}
    for picture in pictures(read_folder(data, split, lanes.CLASSES)):
        found.setdefault(picture.sample.set, []).append(picture)
    return found


@dataclass(frozen=True, eq=False)
class Change:
    network: Network  # with the whole change
    parts: tuple[str, ...]  # of which shares may be taken
    gains: Mapping[str, Gain]  # of halves of the frames, by task


def changed(bench: Bench, way: str, domain: Domain, learnt: Sequence[Any], seed: int) -> Change:
    """As `perception adapt` changes a network, but that a task which is no better is learnt as well."""
    spec, network = bundles.read(bench.folder), copy.deepcopy(bench.network)
    if way == "statistics":
        align(
            network, letterboxed([f.read(0)[0].image for f in spaced(domain.frames, FRAMES)], spec.input_size)
        )
        return Change(network, (ALL,), {})
    tasks = tuple(task for task in network.heads if any(task in frame.tasks for frame in learnt))
    images = tuple(frame.read(0)[0].image for frame in learnt)
    given, none = (
        Labelled((Pictures("frames", tuple(learnt)),), tasks, images, ()),
        letterboxed((), spec.input_size),
    )
    material, recipe = Material(given, none, bench.scenes, none, spec.input_size), Recipe(way, seed=seed)
    own = (lambda some: material.batches(spec, recipe, some),)
    gains = crossed(network, learnt, tasks, *own, recipe, spec.input_size, 60) if way == "heads" else {}
    network = fit(network, material.batches(spec, recipe, learnt), tasks, recipe, 60)
    better = tuple(task for task in tasks if task not in gains or gains[task].better)
    return Change(network, better if way == "heads" else (ALL,), gains)


def measured(bench: Bench, way: str, domain: Domain, seed: int) -> dict[str, Any]:
    """One draw: before, with the whole change, and with what the gate lets pass."""
    learnt, judged = domain.draw(seed)
    old, begin = bench.network.state_dict(), time.process_time()
    change = changed(bench, way, domain, learnt, seed)
    seconds = time.process_time() - begin

    def attempt(shares: Mapping[str, float]) -> gate.Judged:
        return headlines(bench.judged(mixed(old, change.network, shares), bench.old))

    try:
        tried = gate.largest(bench.before, attempt, change.parts, {}, ()) if change.parts else []
    except gate.Refused:
        tried = []
    shares = tried[-1].shares if tried else {}
    cost = {task: 100 * (s.after - s.before) for task, s in tried[-1].scores.items()} if tried else {}
    whole = headlines(bench.judged(change.network, bench.old)) if shares != {ALL: 1.0} else {}
    return {
        "shares": dict(shares),
        "held_out": {task: [gain.before, gain.after] for task, gain in change.gains.items()},
        "before": kept(bench.judged(bench.network, judged)),
        "whole": kept(bench.judged(change.network, judged)),
        "shipped": kept(bench.judged(mixed(old, change.network, shares), judged)),
        "old_whole": {t: 100 * (score - bench.before[t][0]) for t, (score, _) in whole.items()} or cost,
        "old_shipped": cost,
        "cpu_s": round(seconds, 1),
    }


def kept(metrics: Mapping[str, float]) -> dict[str, float]:
    """Each task's main metric, and those of single classes."""
    own = {name: score for name, (score, _) in headlines(metrics).items()}
    classes = {
        name: value
        for name, value in metrics.items()
        if name.count(".") == 3 and name.split(".")[1] in MAIN and name.endswith(".ap50")
    }
    return {name: round(value, 5) for name, value in {**own, **classes}.items()}


def summary(draws: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Median, least and most gain in points of each main metric, over the draws of one way."""
    rows = list(draws.values())
    found: dict[str, Any] = {"draws": len(rows)}
    for what in ("whole", "shipped"):
        names = [name for name in rows[0]["before"] if all(name in row[what] for row in rows)]
        gains = {name: [100 * (row[what][name] - row["before"][name]) for row in rows] for name in names}
        found[what] = {n: [round(x, 1) for x in (median(g), min(g), max(g))] for n, g in gains.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Draws of few frames of a domain that was never learnt.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, default=bundles.SHIPPED)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--domains", default="acdc,camera")
    parser.add_argument("--scenes", type=Path, required=True, help="Folder for rendered scenes, which stay.")
    given = parser.parse_args()
    known = json.loads(given.out.read_text()) if given.out.exists() else {"draws": {}}
    spec, (found, old) = bundles.read(given.bundle), domains(given.data)
    scenes = synthetic.read(given.scenes, SCENES)
    seen = [picture.read(0)[0].image for picture in spaced(old, FRAMES)]
    images = letterboxed(seen, spec.input_size)
    network = network_of(given.bundle, spec, images)
    bench = Bench(given.bundle, network, scenes, old, {})
    bench = replace(bench, before=headlines(bench.judged(network, old)))
    todo = [
        (d, w, s) for s in range(given.draws) for d in given.domains.split(",") for w in given.ways.split(",")
    ]
    for domain, way, seed in todo:
        draws = known["draws"].setdefault(domain, {}).setdefault(way, {})
        if str(seed) not in draws:
            draws[str(seed)] = measured(bench, way, found[domain], seed)
            print(domain, way, seed, json.dumps(summary({"": draws[str(seed)]})), flush=True)
        gains = {d: {w: summary(own) for w, own in ways.items() if own} for d, ways in known["draws"].items()}
        facts = {
            "bundle": f"{spec.name} {spec.version}",
            "precision": "fp32",
            "machine": machine(),
            "count": COUNT,
        }
        told = {**facts, "gains": gains, "draws": known["draws"]}
        write_whole(given.out, (json.dumps(told, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
