"""A checkpoint and the data it was trained on to a bundle: export, calibrate, quantise, compare, write."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import onnxruntime as ort

from calibration.int8 import frames
from deploy import precisions
from deploy.export import export_crops, export_frames
from deploy.folder import check_free, put
from deploy.half import store_half
from deploy.learnt import Learnt
from perception import bundle
from perception.bundle import LEDGER, LEDGER_INFO, ModelSpec, Shape
from perception.errors import BundleError
from perception.labels.labelled import file_name
from perception.labels.vocabulary import INFO
from perception.model.fuse import macs
from perception.model.network import Network
from perception.model.specs import FRAME_TASKS, task_spec
from perception.sinks.files import write_whole
from perception.tasks import TASKS
from perception.training import ledger
from perception.training.checkpoint import load_checkpoint, load_network, recorded, told, weights_of
from perception.types import Size

FILES = precisions.file_names({"main": "network.fp32.onnx", "signs": "signs.fp32.onnx"}, ["int8"])

LICENCES = {  # of the bundle, by what the licences of its data allow
    "open": f"commercial use allowed, with the sources of {LEDGER} cited; see README.md beside this file",
    "any": "research and other non-commercial use; see README.md beside this file",
}


def build(
    checkpoint: Path,
    data: Sequence[str],
    out: Path,
    calibration_frames: int = frames.COUNT,
    name: str | None = None,
) -> ModelSpec:
    """Write a bundle of `checkpoint` to the new or empty folder `out`. Files appear at the end.

    `checkpoint`: a file, or the folder of a run: its best weights on val, if it has any, else its last ones.
    `data`: where the calibration images are drawn from, training splits as `perception train` takes them;
    for a network that may be used commercially, from those of its pictures that allow it. Empty: the data
    sets that the run names. `name` of the bundle; None: that of the run's folder. Raises BundleError if INT8
    and float disagree by more than `parity.LIMIT`, DataError if checkpoint or data cannot be read,
    PerceptionError if `out` has files.
    """
    check_free(out)
    if checkpoint.is_dir():
        checkpoint = weights_of(checkpoint)
        print(told(checkpoint), file=sys.stderr)
    network, size = load_network(checkpoint), _size(checkpoint)
    heads = set(network.heads)
    if not heads & set(FRAME_TASKS) or ("signs" in heads and "detection" not in heads):
        raise BundleError(
            f"{checkpoint}: expected a network that sees frames, and detects the signs that it reads, "
            f"got one of {', '.join(network.heads)}"
        )
    rows = recorded(checkpoint)
    summary = ledger.summary(rows) if rows else {}
    licences = "open" if summary.get("commercial") else "any"
    learnt = Learnt.of(checkpoint, data)
    images = frames.frames(learnt.pictures(licences), size, calibration_frames)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        export_frames(network, size, made / FILES["fp32"]["main"])
        examples = {"main": images}
        if "signs" in network.heads:
            export_crops(network, made / FILES["fp32"]["signs"])
            examples["signs"] = frames.crops(learnt.signs(licences), frames.CROPS * calibration_frames)
        files = {p: {kind: own[kind] for kind in examples} for p, own in FILES.items()}
        for exported in files["fp32"].values():
            store_half(made / exported)
        agreement = precisions.make(made, files, examples)
        shapes = dict(pair for kind in examples for pair in _shapes(made / FILES["fp32"][kind]))
        name = name or file_name(checkpoint.resolve().parent.name)
        spec = _spec(name, network, size, shapes, agreement, frames.distinct(images))
        spec = _with_thresholds(spec, load_checkpoint(checkpoint).get("thresholds", {}))
        if said := learnt.vocabulary.described():
            spec = replace(spec, info={**spec.info, INFO: said})
        if rows:
            write_whole(made / LEDGER, ledger.to_csv(rows).encode())
            spec = replace(spec, info={**spec.info, LEDGER_INFO: summary})
        spec = bundle.write(made, replace(spec, info={**spec.info, "licence": LICENCES[licences]}))
        ledger.check_bundle(made)
        put(made, out)
    return spec


def _with_thresholds(spec: ModelSpec, picked: Mapping[str, float]) -> ModelSpec:
    """With the thresholds of objects that were picked on val."""
    if "detection" not in spec.tasks or not picked:
        return spec
    task = spec.tasks["detection"]
    known = {name: value for name, value in picked.items() if name in task.classes}
    settings = {**task.settings, "threshold": {**task.settings["threshold"], **known}}
    return replace(spec, tasks={**spec.tasks, task.name: replace(task, settings=settings)})


def _shapes(path: Path) -> Iterator[tuple[str, Shape]]:
    """Each output of a network file and its shape, None where its size is free."""
    for node in ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).get_outputs():
        yield node.name, tuple(size if isinstance(size, int) else None for size in node.shape)


def _size(checkpoint: Path) -> Size:
    """The input size (width, height) that a checkpoint was trained for."""
    config = json.loads(load_checkpoint(checkpoint)["config"])
    width, height = config.get("deployed", config["size"])  # the former: of checkpoints before version 0.6
    return width, height


def _spec(
    name: str,
    network: Network,
    size: Size,
    shapes: Mapping[str, Shape],
    agreement: Mapping[str, Mapping[str, float]],
    calibrated: int,
) -> ModelSpec:
    from perception import __version__

    tasks = {task: task_spec(task, network.classes) for task in TASKS if task in network.heads}
    networks = {task.network for task in tasks.values()}
    files = {p: {kind: file for kind, file in own.items() if kind in networks} for p, own in FILES.items()}
    weights = sum(
        p.numel() for key, p in network.named_parameters() if not key.startswith("heads.signs_grid")
    )
    return ModelSpec(
        name=name,
        version=__version__,
        input_size=size,
        tasks=tasks,
        files=files,
        shapes=shapes,
        info={
            "macs": macs(network, size, FRAME_TASKS),
            "parameters": weights,
            "calibration_images": calibrated,
            "parity": agreement,
        },
    )
