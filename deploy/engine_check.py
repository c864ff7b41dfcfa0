"""Does an engine say what its network says? Known answers, computed on the CPU as the file is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime as ort

from perception.backends.engine_cache import EngineOptions
from perception.backends.onnx_cut import cut
from perception.backends.onnx_size import resized
from perception.backends.trt import TrtRunner
from perception.errors import BundleError
from perception.kernels.device import Device

# Least signal to noise of an output, dB. Engine and simulation round the same values, but sums come in
# another order, and a value at the edge between two codes may fall to either side. A wrong layer, scale or
# layout leaves less than 10. Not verified on hardware.
LIMITS = {"trt.int8": 20.0, "fp16": 30.0, "fp32": 40.0}  # fp32: TensorRT may multiply in TF32


class KnownAnswers:
    """A `Check` of engines of the network `onnx` on `device`; the answers are computed once."""

    def __init__(self, onnx: Path, options: EngineOptions, device: Device) -> None:
        self._options, self._device = options, device
        session = _session(onnx, options)
        self._inputs = {node.name: picture(_shape(node.shape, options)) for node in session.get_inputs()}
        names = [node.name for node in session.get_outputs()]
        self._answers = dict(zip(names, session.run(names, self._inputs), strict=True))

    def __call__(self, plan: Path) -> str:
        """The outputs that differ, and by how much; "" if none does."""
        limit = LIMITS[self._options.precision]
        seen = self._run(plan)
        if seen.keys() != self._answers.keys():
            return f"outputs {', '.join(sorted(seen))} in place of {', '.join(sorted(self._answers))}"
        ratios = {name: signal_to_noise(answer, seen[name]) for name, answer in self._answers.items()}
        low = [f"{name} {ratio:.0f} dB" for name, ratio in ratios.items() if not ratio >= limit]
        return f"{', '.join(low)} where at least {limit:.0f} dB are expected" if low else ""

    def _run(self, plan: Path) -> Mapping[str, np.ndarray]:
        """Outputs of the engine by name."""
        device, runner = self._device, TrtRunner(plan, self._device, self._options.dla_core)
        try:
            tensors = {**runner.inputs, **runner.outputs}
            memory = {name: device.allocate(shape, dtype) for name, (shape, dtype) in tensors.items()}
            hosts = {name: device.pinned(shape, dtype) for name, (shape, dtype) in tensors.items()}
            for name, array in memory.items():
                runner.bind(name, array)
            for name in runner.inputs:
                hosts[name][...] = self._inputs[name]
                device.upload(memory[name], hosts[name])
            runner.run()
            for name in runner.outputs:
                device.download(hosts[name], memory[name])
            device.synchronize()
        finally:
            runner.close()
        return {name: hosts[name] for name in runner.outputs}


def _session(onnx: Path, options: EngineOptions) -> ort.InferenceSession:
    settings = ort.SessionOptions()
    settings.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # Q/DQ as written
    settings.log_severity_level = 3
    model = onnx.read_bytes()
    if options.outputs is not None:
        model = cut(model, options.outputs)
    if options.size is not None:
        model = resized(model, options.size)
    try:
        return ort.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors have no common class but this
        raise BundleError(
            f"{onnx}: expected a network that onnxruntime {ort.__version__} can run, got {error}. "
            "Export the bundle again"
        ) from error


def _shape(dims: list[int | str], options: EngineOptions) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) else options.batch or 1 for size in dims)


def picture(shape: tuple[int, ...]) -> np.ndarray:
    """float32 (n, 3, h, w), normalised: as smooth as pictures are, with some grain; the same each time."""
    random = np.random.default_rng(0)
    n, planes, height, width = shape
    y, x = np.arange(height)[:, None] / height, np.arange(width) / width
    image = random.normal(0, 0.1, shape)
    for frequency in (1, 2, 5, 11):
        phase, tilt = (
            random.uniform(0, 2 * np.pi, (n, planes, 1, 1)),
            random.uniform(-1, 1, (n, planes, 1, 1)),
        )
        image += np.sin(2 * np.pi * frequency * (tilt * x + (1 - np.abs(tilt)) * y) + phase)
    return np.clip(image, -2, 2.4).astype(np.float32)


def signal_to_noise(answer: np.ndarray, seen: np.ndarray) -> float:
    """10 log10(var(answer) / mean((answer - seen)^2)), dB; -inf if `seen` is not finite."""
    with np.errstate(all="ignore"):
        noise = float(np.mean((answer.astype(np.float64) - seen) ** 2))
    if not np.isfinite(noise):
        return float("-inf")
    return 10 * float(np.log10((answer.var(dtype=np.float64) + 1e-12) / (noise + 1e-12)))
