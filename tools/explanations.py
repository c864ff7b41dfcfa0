"""How good the explanations are: insertion, deletion, time, and what is left after the weights are shuffled.

    python -m tools.explanations --data DIR --out explain.json [--objects 100] [--masks 500]

Pictures of the split `val`, evenly spaced, with objects, lines and signs as the bundle finds them; against
D-RISE (Petsiuk et al. 2021) on the same pictures, its masks shared by all finds of one. Each picture's result
is kept in OUT.lines, so that a run which was stopped goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import process_time
from typing import Annotated, Any

import cv2
import numpy as np
import torch
import typer

from perception.bundle import MAIN, SHIPPED
from perception.explain.drise import drise
from perception.explain.explainer import Explained, Explainer, Explanation
from perception.explain.finds import Find, finds_of
from perception.explain.saliency import METHODS
from perception.explain.sanity import CASCADE, rank_correlation, shuffled
from perception.labels.folder import read_folder
from perception.labels.rows import read_image
from perception.load import load
from perception.model.stored import Stored, stored
from perception.tasks import lanes
from perception.types import Frame, Scene

TASKS = ("detection", "lanes", "signs")
MOST = {"detection": 10, "lanes": 3, "signs": 3}  # finds of a picture
RENDERED = "carla"  # a set that is left out
FEWEST = 4  # objects: D-RISE's masks serve all finds of a picture
CROP_GRID = 8  # cells a side of the masks of sign crops, as RISE has for pictures of one thing
LEFT = ("gradient_activation", "layer_cam")  # methods whose maps are compared after shuffling
OWN, OTHER = "gradient_activation", "drise"


def measure(
    data: Annotated[Path, typer.Option(help="Folder of labelled pictures.")],
    out: Annotated[Path, typer.Option(help="JSON file to write.")],
    bundle: Path = SHIPPED,
    objects: Annotated[int, typer.Option(help="Objects to explain, at least.")] = 100,
    masks: Annotated[int, typer.Option(help="Masks of D-RISE.")] = 500,
    signs: Annotated[
        int, typer.Option(help="Signs to explain, at least; those of pictures with objects.")
    ] = 0,
) -> None:
    """Measure explanations on val pictures."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    lines = out.with_suffix(".lines")
    done = {row["picture"]: row for row in _rows(lines)}
    networks = stored(bundle)
    with closing(load(bundle, "cpu", TASKS, threads=1, runtime="onnxruntime")) as pipeline:
        explainer = Explainer(pipeline, networks, TASKS)
        others = {
            name: Explainer(pipeline, _shuffled(networks, parts), TASKS) for name, parts in CASCADE.items()
        }
        for picture in _spaced(data):
            counts = [sum(len(row[task]) for row in done.values()) for task in ("detection", "signs")]
            if counts[0] >= objects and counts[1] >= signs:
                break
            name = str(picture.relative_to(data))
            if name in done:
                continue
            frame = Frame(read_image(picture), 0, 0)
            if len(pipeline(frame).detections or ()) < FEWEST:
                continue
            done[name] = {"picture": name, **_picture(explainer, others, frame, masks)}
            with lines.open("a") as file:
                file.write(json.dumps(done[name]) + "\n")
            out.write_text(json.dumps(_summary(list(done.values()), masks), indent=1) + "\n")
            print(len(done), name, counts, round(process_time()), flush=True)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def _spaced(data: Path) -> Iterator[Path]:
    """All pictures of people's val labels, the sets by turns, each far from the one before."""
    sets: dict[str, list[Path]] = {}
    for sample in read_folder(data, "val", lanes.CLASSES).samples:
        if sample.set == RENDERED:
            continue
        sets.setdefault(sample.set, []).append(sample.image)
    turns = [
        [sorted(set(own))[k * 37 % len(set(own))] for k in range(len(set(own)))] for own in sets.values()
    ]
    for k in range(max(map(len, turns))):
        yield from (own[k] for own in turns if k < len(own))


def _shuffled(networks: Stored, parts: tuple[str, ...]) -> Stored:
    """The sign crops' network has its head under other names."""
    whole = tuple(f"network.{part}" for part in parts)
    crops = networks.crops and shuffled(networks.crops, ("classify", "tower", "front")[: len(whole)])
    return replace(networks, frames=shuffled(networks.frames, whole), crops=crops)


def _picture(explainer: Explainer, others: dict[str, Explainer], frame: Frame, masks: int) -> dict[str, Any]:
    """Task -> a record for each find."""
    scene, finds = chosen(explainer, frame)
    begin = process_time()
    own = explainer.of(frame, scene, finds)
    own_s, begin = process_time() - begin, process_time()
    explainer.of(frame, scene, finds[:1])
    one_s = process_time() - begin
    found = {name: explainer.of(frame, scene, finds, method) for name, method in METHODS.items()}
    found[OTHER], other_s = _by_masks(explainer, own, masks)
    left = {
        (name, method): other.of(frame, scene, finds, METHODS[method])
        for name, other in others.items()
        for method in LEFT
    }
    records: dict[str, Any] = {task: [] for task in TASKS}
    for k, one in enumerate(own.found):
        areas = {name: explainer.areas(of.found[k])._asdict() for name, of in found.items()}
        near = _near(own, one)
        kept = {
            f"{method}, {name}": rank_correlation(
                found[method].found[k].saliency[near], of.found[k].saliency[near]
            )
            for (name, method), of in left.items()
        }
        what = {"what": one.find.what, "score": one.find.score, "inside": own.inside(one)}
        records[one.find.task].append({**what, "areas": areas, "rank": kept})
    return {**records, "own_s": own_s, "one_s": one_s, "drise_s": other_s}


def chosen(explainer: Explainer, frame: Frame) -> tuple[Scene, list[Find]]:
    """What is seen, and the finds to explain."""
    scene = explainer.pipeline(frame)
    finds = finds_of(scene, explainer.box(frame), explainer.classes)
    return scene, [
        find for task, most in MOST.items() for find in [f for f in finds if f.task == task][:most]
    ]


def _near(own: Explained, one: Explanation) -> tuple[slice, slice]:
    """Rows and columns of the find's box in its network's input.

    Far from it both maps are low whatever the weights are: there, any two would be alike.
    """
    if one.find.network != MAIN:
        return slice(None), slice(None)
    (x1, y1), (x2, y2) = own.box.to_network(one.find.xyxy.reshape(2, 2))
    return slice(max(0, int(y1)), int(np.ceil(y2))), slice(max(0, int(x1)), int(np.ceil(x2)))


def _by_masks(explainer: Explainer, own: Explained, masks: int) -> tuple[Explained, float]:
    """The same finds by D-RISE, and the seconds of those in the frame; a sign is masked in its crop."""
    frames = [one for one in own.found if one.find.network == MAIN]
    begin = process_time()
    maps = drise(
        lambda image: explainer.answer(MAIN, image),
        frames[0].image,
        [one.find.target for one in frames],
        masks,
    )
    seconds = process_time() - begin
    by_find = {id(one.find): each for one, each in zip(frames, maps, strict=True)}
    for one in own.found:
        if one.find.network != MAIN:
            network = one.find.network
            by_find[id(one.find)] = drise(
                partial(explainer.answer, network),
                one.image,
                [one.find.target],
                masks,
                CROP_GRID,
            )[0]
    return replace(
        own, found=tuple(replace(one, saliency=by_find[id(one.find)]) for one in own.found)
    ), seconds


def _summary(rows: list[dict[str, Any]], masks: int) -> dict[str, Any]:
    """Means, and 95 % intervals of the difference to D-RISE by resampling pictures."""
    told: dict[str, Any] = {"pictures": len(rows), "masks": masks}
    for task in TASKS:
        finds = [(k, find) for k, row in enumerate(rows) for find in row[task]]
        if not finds:
            continue
        of = np.array([k for k, _ in finds])
        names = list(finds[0][1]["areas"])
        value = {
            (name, kind): np.array([find["areas"][name][kind] for _, find in finds])
            for name in names
            for kind in ("insertion", "deletion")
        }
        told[task] = {
            "finds": len(finds),
            **{
                name: {kind: float(value[name, kind].mean()) for kind in ("insertion", "deletion")}
                for name in names
            },
            "insertion_over_drise": _interval(value[OWN, "insertion"] - value[OTHER, "insertion"], of),
            "deletion_over_drise": _interval(value[OWN, "deletion"] - value[OTHER, "deletion"], of),
            "inside": float(np.mean([find["inside"] for _, find in finds])),
            "rank_after_shuffling": {
                name: float(np.mean([find["rank"][name] for _, find in finds]))
                for name in finds[0][1]["rank"]
            },
        }
    own, other = (np.array([row[name] for row in rows]) for name in ("own_s", "drise_s"))
    one = np.array([row["one_s"] for row in rows])
    told["seconds_a_find"] = float(np.median(one))
    told["times_faster_for_one_find"] = float(np.median(other / one))
    told["seconds_a_picture"] = {OWN: float(np.median(own)), OTHER: float(np.median(other))}
    told["times_faster"] = float(np.median(other / own))
    return told


def _interval(values: np.ndarray, of: np.ndarray) -> dict[str, float]:
    rng = np.random.default_rng(0)
    sums, counts = np.bincount(of, values), np.bincount(of)
    draws = rng.integers(len(sums), size=(2000, len(sums)))
    means = sums[draws].sum(1) / np.maximum(counts[draws].sum(1), 1)
    low, high = np.percentile(means, (2.5, 97.5))
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}


if __name__ == "__main__":
    typer.run(measure)
