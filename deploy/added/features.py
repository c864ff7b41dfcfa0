"""What the frozen network makes of pictures: features, computed once by the bundle's own files."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from deploy.added.graft import CODES, code_of, load, tap_of
from deploy.precisions import fp32_files
from perception.backends.onnx_cut import cut
from perception.backends.ort import exact_integers
from perception.bundle import MAIN, ModelSpec
from perception.devices import available_threads
from perception.errors import PerceptionError
from perception.training.added.fit import Features, Level

SHARE = 0.9999  # of the values of a float network that have a code of their own
LOOKED = 16  # images by which its step is chosen


class Extractor:
    """`images` (h, w, 3) uint8 at the network's size to features at `strides`, as bytes.

    From the INT8 file where the bundle has one, else from FP32. Raises BundleError: tasks share no features.
    """

    def __init__(self, folder: Path, spec: ModelSpec, strides: Sequence[int]) -> None:
        precision = "int8" if "int8" in spec.files else "fp32"
        files = spec.files["int8"] if precision == "int8" else fp32_files(spec, folder)
        model = load(folder / files[MAIN])
        names = [tap_of(model, stride, precision) for stride in strides]
        self._scales: list[float] = []
        kind = TensorProto.FLOAT
        if precision == "int8":
            self._scales = [float(code_of(model, name).scale) for name in names]
            names, kind = [name + CODES for name in names], TensorProto.UINT8
        model.graph.output.extend(helper.make_tensor_value_info(name, kind, None) for name in names)
        self._session, self._names = _session(model, names), names

    def __call__(self, images: Iterable[np.ndarray], count: int, progress: Callable[[int], None]) -> Features:
        """Of `count` images; `progress` hears how many are done."""
        feed, levels = self._session.get_inputs()[0].name, list[np.ndarray]()
        waiting = list[list[np.ndarray]]()
        for number, image in enumerate(images, 1):
            waiting.append([value[0] for value in self._session.run(self._names, {feed: image[None]})])
            if not self._scales:  # a float network: its steps are those of the first images
                if len(waiting) < min(LOOKED, count):
                    continue
                self._scales = [_step(values) for values in zip(*waiting, strict=True)]
            levels = levels or [_room((count, *value.shape)) for value in waiting[0]]
            for k, values in enumerate(waiting, number - len(waiting)):
                for level, value, scale in zip(levels, values, self._scales, strict=True):
                    level[k] = _code(value, scale)
            waiting = []
            progress(number)
        return Features(tuple(map(Level, levels, self._scales)))


def _room(shape: tuple[int, ...]) -> np.ndarray:
    """Bytes in a file without a name: a few thousand pictures fill more than the memory of a laptop.

    Raises PerceptionError if there is no place for it.
    """
    needed, place = math.prod(shape), tempfile.gettempdir()
    if needed > (free := shutil.disk_usage(place).free):
        raise PerceptionError(
            f"expected {needed / 1e9:.1f} GB for features in {place}, got {free / 1e9:.1f} GB; set TMPDIR to "
            "a larger disk, or take fewer views (--set views=1) or pictures"
        )
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)


def _step(values: Sequence[np.ndarray]) -> float:
    return max(float(np.quantile(np.stack(values), SHARE)), 1e-6) / 255


def _code(value: np.ndarray, scale: float) -> np.ndarray:
    if value.dtype == np.uint8:
        return value
    return np.clip(np.rint(value / scale), 0, 255).astype(np.uint8)


def _session(model: onnx.ModelProto, outputs: Sequence[str]) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = available_threads()
    options.log_severity_level = 3
    exact_integers(options)
    part = cut(model.SerializeToString(), outputs)
    return ort.InferenceSession(part, options, providers=["CPUExecutionProvider"])
