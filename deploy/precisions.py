"""The other precisions of a bundle's networks, all from its fp32 files and one calibration a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from calibration.int8 import equalise
from calibration.int8.graph import WEIGHTED, inner_network
from calibration.int8.observers import Progress, unwatched
from calibration.int8.scales import METHOD, Scales, calibrate
from deploy import parity
from deploy.half import to_half
from deploy.quantize import for_cpu, for_tensorrt
from perception.bundle import MAIN, ModelSpec
from perception.errors import BundleError

CALIBRATED = ("int8", "trt.int8")
MADE = ("fp16", *CALIBRATED)
BATCH = {"signs": 16}  # crops a call on a GPU: a free batch would need a TensorRT profile
FACTORS = (0.5, 3.0)  # costs of the least and the largest input size at which they are compared as well
AT_SIZES = 8  # images of these
LIMIT_AT_SIZES = 6.0  # dB; scales are those of the bundle's own size, where large things are smaller
COMPARED = {"main": 8, "signs": 64}  # images on which a precision is compared with float

Files = Mapping[str, Mapping[str, str]]  # precision -> network -> file name


@dataclass(frozen=True)
class Options:
    """How to calibrate. `left`: network -> layer -> why it stays in float."""

    method: str = METHOD
    equal: str = equalise.DEFAULT
    left: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def file_names(fp32: Mapping[str, str], precisions: Sequence[str]) -> dict[str, dict[str, str]]:
    """precision -> network -> file name, after those of the fp32 files: `network.fp16.onnx`."""
    stems = {kind: file.removesuffix(".onnx").removesuffix(".fp32") for kind, file in fp32.items()}
    others = {p: {kind: f"{stem}.{p}.onnx" for kind, stem in stems.items()} for p in precisions}
    return {"fp32": dict(fp32), **others}


def fp32_files(spec: ModelSpec, folder: Path) -> Mapping[str, str]:
    """Network -> fp32 file of the bundle in `folder`. Raises BundleError: it has none."""
    if "fp32" not in spec.files:
        raise BundleError(
            f"{folder}: expected a bundle with fp32 files, got {', '.join(spec.files)} only. "
            "Export it again: `perception export`"
        )
    return spec.files["fp32"]


def make(
    folder: Path,
    files: Files,
    examples: Mapping[str, np.ndarray],
    options: Options | None = None,
    progress: Progress = unwatched,
) -> dict[str, dict[str, float]]:
    """Write the files that are not fp32, and the scales of each network beside them; how well they agree.

    `folder` holds the fp32 files. `examples`: network -> images (n, h, w, 3) uint8 to calibrate on and to
    compare with; fp16 alone needs none. The answer: precision -> output -> dB of signal to noise at the size
    of the images. Raises BundleError if one is below `parity.LIMIT`, or below LIMIT_AT_SIZES at FACTORS of
    the cost.
    """
    options = options or Options()
    calibrated = [precision for precision in files if precision in CALIBRATED]
    for kind, name in files["fp32"].items():
        source, batch = folder / name, BATCH.get(kind, 1)
        if "fp16" in files:
            to_half(source, folder / files["fp16"][kind], batch)
        if calibrated:
            left = options.left.get(kind, {})
            scales = calibrate(
                source, examples[kind], options.method, left, parity.FLOORS, options.equal, progress
            )
            scales.write(folder / scales_name(name))
        for precision in calibrated:
            _write(precision, source, scales, folder / files[precision][kind], batch)
    few = {kind: images[: COMPARED[kind]] for kind, images in examples.items()}
    others = [p for p in files if p != "fp32"]
    for factor in FACTORS:  # one set of scales serves every size
        sized = {MAIN: parity.scaled(examples[MAIN][:AT_SIZES], factor)} if MAIN in examples else {}
        for precision in others:
            parity.check(folder, files, sized, precision, LIMIT_AT_SIZES)
    return {p: parity.check(folder, files, few, p) for p in others if few}


def _write(precision: str, source: Path, scales: Scales, target: Path, batch: int) -> None:
    match precision:
        case "int8":
            for_cpu(source, scales, target)
        case "trt.int8":
            for_tensorrt(source, scales, target, batch)


def scales_name(fp32: str) -> str:
    """Where the scales of a network are: `network.scales.json` beside `network.fp32.onnx`."""
    return fp32.removesuffix(".onnx").removesuffix(".fp32") + ".scales.json"


def layers(path: Path) -> list[str]:
    """The layers with weights of a float network, which may be left in float. Raises BundleError."""
    return [node.name for node in inner_network(path).graph.node if node.op_type in WEIGHTED]
