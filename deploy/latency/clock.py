"""Milliseconds of one thread, of blocks and of whole networks, all taken in turns in one process.

What is timed is processor time of the calling thread: on a machine of its own that is the time that passes,
and beside other programs it still is what the network costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import thread_time_ns
from typing import TypeVar

import numpy as np
import onnxruntime as ort
import torch

from calibration.int8.scales import calibrate
from deploy.export import export_frames
from deploy.latency.blocks import Tasks, network
from deploy.latency.graphs import Block, model
from deploy.quantize import for_cpu
from perception.evaluation.bench.clock import median
from perception.model.shape import Design
from perception.types import Size

ROUNDS, REPEATS = 9, 3
CALIBRATION = 2  # images of noise: ranges do not change the time
Key = TypeVar("Key")
Call = Callable[[], object]


def time_all(
    blocks: Sequence[Block], designs: Sequence[Design], tasks: Tasks, folder: Path
) -> dict[Block | Design, float]:
    """Median ms of each block and of a frame of each design, whose INT8 file is exported to `folder`."""
    files = {design: exported(design, tasks, folder) for design in designs}
    calls: dict[Block | Design, Call] = {block: _call(model(block), block.given) for block in blocks}
    calls |= {d: _call(path.read_bytes(), {"image": _frame(d.size)}) for d, path in files.items()}
    return in_turns(calls)


def exported(design: Design, tasks: Tasks, folder: Path) -> Path:
    """The INT8 file of an untrained network, made if it is not there."""
    name = str(design).replace(" ", "_")
    target = folder / f"{name}.int8.onnx"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    plain = folder / f"{name}.fp32.onnx"
    torch.manual_seed(0)
    export_frames(network(design, tasks), design.size, plain)
    noise = _bytes((CALIBRATION, *_frame(design.size)[1:]))
    for_cpu(plain, calibrate(plain, noise, "minmax", equal="none"), target)
    plain.unlink()
    return target


def in_turns(calls: Mapping[Key, Call], rounds: int = ROUNDS, repeats: int = REPEATS) -> dict[Key, float]:
    """The median ms of each call. The first of each turn is not counted: the caches hold the others' data."""
    times: dict[Key, list[float]] = {key: [] for key in calls}
    for _ in range(rounds):
        for key, call in calls.items():
            call()
            for _ in range(repeats):
                start = thread_time_ns()
                call()
                times[key].append((thread_time_ns() - start) / 1e6)
    return {key: median(own) for key, own in times.items()}


def _call(file: bytes, given: Mapping[str, tuple[int, ...]]) -> Call:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    values = {name: _bytes(shape) for name, shape in given.items()}
    return lambda: session.run(None, values)


def _bytes(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def _frame(size: Size) -> tuple[int, int, int, int]:
    return 1, size[1], size[0], 3
