"""`perception mtl parts`: which part of the shared network serves which task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import torch

from perception import bundle as bundles
from perception.errors import DataError
from perception.explain.explainer import tensor_of
from perception.explain.finds import FINDS, finds_of
from perception.explain.parts.measure import Importance, MapTarget, Tally
from perception.explain.parts.page import page
from perception.explain.targets import Target
from perception.labels.folder import read_folder
from perception.labels.labelled import spaced
from perception.labels.rows import read_image
from perception.letterbox import Letterbox
from perception.load import load
from perception.model.stored import Stored, stored
from perception.outputs import write_whole
from perception.pipeline import Pipeline
from perception.tasks import lanes
from perception.terminal import terminal
from perception.types import Frame

MOST = 4  # finds of a task in a picture
console = terminal()


def parts(
    bundle: Path | None, data: Path, out: Path, pictures: int, groups: int, input_size: str = "auto"
) -> None:
    """Write OUT/parts.html and OUT/parts.json. Raises PerceptionError."""
    folder = bundles.folder(bundle)
    networks = stored(folder)
    images = sorted({sample.image for sample in read_folder(data, "val", lanes.CLASSES).samples})
    tally = Tally(networks.frames, networks.frames.tasks, groups)
    with closing(
        load(folder, "cpu", networks.frames.tasks, "fp32", input_size=input_size, runtime="onnxruntime")
    ) as pipeline:
        for image in spaced(images, pictures):
            frame = Frame(read_image(image), 0, 0)
            box = Letterbox.fit(frame.size, pipeline.size_for(frame.size))
            seen = tensor_of(pipeline.preprocess(frame.image, box)[0].copy())
            tally.add(seen, targets_of(networks, pipeline, frame, box, seen))
    found = tally.result()
    if not any(found.finds):
        raise DataError(f"{data}: expected pictures in which something is found, got none in {pictures}")
    write_whole(out / "parts.html", page(found, min(pictures, len(images))).encode())
    write_whole(out / "parts.json", (json.dumps(told(found, pictures), indent=1) + "\n").encode())
    for task, value in found.agreement().items():
        console.print(f"{task}: foretold against measured, Spearman {value:.2f}", highlight=False)
    console.print(str(out / "parts.html"), markup=False, highlight=False, soft_wrap=True)


def targets_of(
    networks: Stored, pipeline: Pipeline, frame: Frame, box: Letterbox, seen: torch.Tensor
) -> dict[str, list[Target]]:
    """Task -> what is found in a frame; of a task without single finds, its first map."""
    classes = {task.name: task.classes for task in pipeline.tasks}
    scene = pipeline(frame)
    finds = finds_of(scene, box, {n: c for n, c in classes.items() if n in FINDS}, MOST)
    targets: dict[str, list[Target]] = {}
    with torch.no_grad():
        outputs = networks.frames.network(seen, networks.frames.tasks)
    for task in pipeline.tasks:
        if task.name in FINDS:
            targets[task.name] = [find.target for find in finds if find.task == task.name]
        else:
            name = task.outputs[0]
            targets[task.name] = [MapTarget(name, outputs[name].sign())]
    return targets


def told(found: Importance, pictures: int) -> Mapping[str, Any]:
    """For JSON: a row for each part."""
    rows = [
        {
            "block": part.block,
            "channels": [part.first, part.end],
            "foretold": dict(zip(found.tasks, found.foretold[k].round(5).tolist(), strict=True)),
            "measured": dict(zip(found.tasks, found.measured[k].round(5).tolist(), strict=True)),
        }
        for k, part in enumerate(found.parts)
    ]
    finds = dict(zip(found.tasks, found.finds, strict=True))
    return {
        "pictures": pictures,
        "finds": finds,
        "spearman": found.agreement(),
        "spearman_on_change": found.agreement_on_change(),
        "parts": rows,
    }
