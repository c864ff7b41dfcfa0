"""What the frozen network makes of pictures: features, computed once by the bundle's own files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
from perception.training.added.fit import Features

SHARE = 0.9999  # of the values of a float network that have a code of their own
LOOKED = 16  # images by which its step is chosen


class Extractor:
    """`images` (h, w, 3) uint8 at the network's size to features at `stride`, as bytes.

    From the INT8 file where the bundle has one, else from FP32. Raises BundleError: tasks share no features.
    """

    def __init__(self, folder: Path, spec: ModelSpec, stride: int) -> None:
        precision = "int8" if "int8" in spec.files else "fp32"
        files = spec.files["int8"] if precision == "int8" else fp32_files(spec, folder)
        model = load(folder / files[MAIN])
        tap = tap_of(model, stride, precision)
        self.scale = float(code_of(model, tap).scale) if precision == "int8" else 0.0
        name, kind = (tap + CODES, TensorProto.UINT8) if self.scale else (tap, TensorProto.FLOAT)
        model.graph.output.append(helper.make_tensor_value_info(name, kind, None))
        self._session = _session(model, name)

    def __call__(self, images: Iterable[np.ndarray], progress: Callable[[int], None]) -> Features:
        """`progress` hears how many are done."""
        feed, found, first = self._session.get_inputs()[0].name, [], []
        for number, image in enumerate(images, 1):
            value = self._session.run(None, {feed: image[None]})[0][0]
            if not self.scale:  # a float network: its step is that of the first images
                first.append(value)
                if number < LOOKED:
                    continue
                self._choose(first)
            found += [self._code(v) for v in first or [value]]
            first = []
            progress(number)
        if first:
            self._choose(first)
            found += [self._code(value) for value in first]
        return Features(np.stack(found), self.scale)

    def _choose(self, values: list[np.ndarray]) -> None:
        self.scale = max(float(np.quantile(np.stack(values), SHARE)), 1e-6) / 255

    def _code(self, value: np.ndarray) -> np.ndarray:
        if value.dtype == np.uint8:
            return value
        return np.clip(np.rint(value / self.scale), 0, 255).astype(np.uint8)


def _session(model: onnx.ModelProto, output: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = available_threads()
    options.log_severity_level = 3
    exact_integers(options)
    part = cut(model.SerializeToString(), [output])
    return ort.InferenceSession(part, options, providers=["CPUExecutionProvider"])
