"""A checkpoint and the data it was trained on to a bundle: export, calibrate, quantise, compare, write."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import onnxruntime as ort

from calibration.int8 import frames
from deploy import parity
from deploy.export import FRAME_TASKS, OUTPUTS, export_crops, export_frames, macs
from deploy.quantize import quantize
from perception import bundle
from perception.bundle import ModelSpec, Shape, TaskSpec
from perception.model.network import Network
from perception.tasks import TASKS, detection, drivable, lanes, signs
from perception.training.data import SOURCES
from perception.training.data import signs as sign_data
from perception.training.loop import load_checkpoint, load_network
from perception.types import Size

FILES = {
    precision: {"main": f"network.{precision}.onnx", "signs": f"signs.{precision}.onnx"}
    for precision in ("fp32", "int8")
}
CLASSES = {
    "detection": detection.CLASSES,
    "lanes": lanes.CLASSES,
    "signs": signs.CLASSES,
    "drivable": drivable.CLASSES,
}
SETTINGS: Mapping[str, Mapping[str, Any]] = {  # thresholds as chosen on the validation data, docs/RESULTS.md
    "detection": {"threshold": dict.fromkeys(detection.CLASSES, 0.4), "nms_iou": 0.5, "max_objects": 100},
    "lanes": {"threshold": 0.5, "min_length": 24},
    "signs": {"threshold": 0.5},
    "drivable": {"threshold": 0.42},
}


def build(
    checkpoint: Path, data: Path, out: Path, calibration_frames: int = 48, name: str = "road"
) -> ModelSpec:
    """Write a bundle of `checkpoint` to the folder `out`; what it lacks is made. Files appear at the end.

    `data`: where the calibration images are drawn from, its training split. Raises BundleError if INT8 and
    float disagree by more than `parity.LIMIT`, DataError if checkpoint or data cannot be read.
    """
    network, size = load_network(checkpoint), _size(checkpoint)
    sources = {name: read(data) for name, read in SOURCES.items()}
    images = frames.frames(sources, size, calibration_frames)
    crops = frames.crops(sign_data.read(data), 8 * calibration_frames)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        export_frames(network, size, made / FILES["fp32"]["main"])
        export_crops(network, made / FILES["fp32"]["signs"])
        for kind, examples in (("main", images), ("signs", crops)):
            quantize(made / FILES["fp32"][kind], made / FILES["int8"][kind], examples)
        agreement = parity.check(made, FILES, {"main": images[:8], "signs": crops[:64]})
        out.mkdir(parents=True, exist_ok=True)
        for file in made.iterdir():
            shutil.copy(file, out / file.name)
        shapes = {key: shape for file in FILES["fp32"].values() for key, shape in _shapes(made / file)}
    return bundle.write(out, _spec(name, network, size, shapes, agreement, len(images)))


def _shapes(path: Path) -> Iterator[tuple[str, Shape]]:
    """Each output of a network file and its shape, None where its size is free."""
    for node in ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).get_outputs():
        yield node.name, tuple(size if isinstance(size, int) else None for size in node.shape)


def _size(checkpoint: Path) -> Size:
    """The input size (width, height) that a checkpoint was trained for."""
    width, height = json.loads(load_checkpoint(checkpoint)["config"])["deployed"]
    return width, height


def _spec(
    name: str,
    network: Network,
    size: Size,
    shapes: Mapping[str, Shape],
    agreement: Mapping[str, float],
    calibrated: int,
) -> ModelSpec:
    from perception import __version__

    tasks = {task: _task(task) for task in TASKS}
    weights = sum(
        p.numel() for key, p in network.named_parameters() if not key.startswith("heads.signs_grid")
    )
    return ModelSpec(
        name=name,
        version=__version__,
        input_size=size,
        tasks=tasks,
        files=FILES,
        shapes=shapes,
        info={
            "macs": macs(network, size),
            "parameters": weights,
            "calibration_images": calibrated,
            "parity": agreement,
            "licence": "research and other non-commercial use; see README.md beside this file",
        },
    )


def _task(name: str) -> TaskSpec:
    needs = ("detection",) if name == "signs" else ()
    network = "main" if name in FRAME_TASKS else "signs"
    return TaskSpec(name, CLASSES[name], OUTPUTS[name], needs, network, SETTINGS[name])
