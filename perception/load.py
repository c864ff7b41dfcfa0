"""`load`: the one place that pairs backends, preprocessing and tasks.

Its parts are imported when it is called, so that `import perception` stays cheap.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from perception.errors import BundleError, PerceptionError

if TYPE_CHECKING:
    from perception.backends.cuda import Settings
    from perception.bundle import ModelSpec, TaskSpec
    from perception.input_size import InputSize
    from perception.interfaces import Backend
    from perception.pipeline import Pipeline
    from perception.types import Size

ON_CUDA = {"int8": "trt.int8"}  # the file that a precision means there, where it is another

log = logging.getLogger(__name__)


def load(
    bundle: str | Path | None = None,
    device: str = "auto",
    tasks: Iterable[str] | None = None,
    precision: str = "int8",
    threads: int | None = None,
    input_size: str | Size = "auto",
) -> Pipeline:
    """A pipeline, ready for frames.

    bundle: a bundle folder; None: the one that comes with the package.
    device: "cuda", "cpu", or "auto" for the best that works here with this bundle; the log says why not the
        others. What was named is never replaced.
    tasks: which to run, in any order, and with them those they read from; None: all of the bundle. What the
        others need of the network is not computed.
    precision: a key of the bundle's files, "int8", "fp32", ... A file made for another device ("trt.int8",
        "fp16") is computed on the CPU as it is written: to measure it, not to be fast.
    threads: of the network on the CPU; None: the cores this process may use, at most 4.
    input_size: how large the network sees a picture. "auto": in the camera's own shape, at the cost of the
        bundle's own size; "2x", "0.5x", ...: likewise at so many times that cost; "960x576" or (960, 576): of
        that size, whatever the camera.

    Raises BundleError, BackendUnavailable, or PerceptionError for a task or precision the bundle lacks or a
    size that no network takes.
    """
    from perception import bundle as bundles
    from perception.devices import choose
    from perception.input_size import InputSize

    wish = InputSize.parse(input_size)
    directory = Path(bundle) if bundle is not None else bundles.SHIPPED
    spec = bundles.read(directory)
    chosen = select(spec, tasks)
    probes = {"cuda": lambda: _no_cuda(directory, spec, chosen, precision), "cpu": lambda: None}
    choice = choose(device, probes)
    for name, reason in choice.refused.items():
        log.info("device %s, not %s: %s", choice.device, name, reason)
    if choice.device == "cuda":
        return _cuda(directory, spec, chosen, precision)
    return _cpu(directory, spec, chosen, precision, threads, wish)


def _cpu(
    directory: Path,
    spec: ModelSpec,
    tasks: list[TaskSpec],
    precision: str,
    threads: int | None,
    wish: InputSize,
) -> Pipeline:
    from perception.backends.finite import FiniteBackend
    from perception.bundle import MAIN
    from perception.pipeline import Pipeline
    from perception.preprocess.cpu import CpuPreprocess
    from perception.tasks import TASKS

    size_for = wish.sizes(spec.input_size)
    backends = _backends(directory, spec, tasks, precision, threads, size_for(spec.input_size))
    own = {name: FiniteBackend(backend) for name, backend in backends.items() if name != MAIN}
    ready = [TASKS[task.name](task, own.get(task.network)) for task in tasks]
    return Pipeline(backends[MAIN], CpuPreprocess(), ready, list(own.values()), size_for)


def _no_cuda(directory: Path, spec: ModelSpec, tasks: list[TaskSpec], precision: str) -> str | None:
    """Why CUDA cannot run these tasks of the bundle here; None: it can."""
    from perception.backends import cuda_ready

    reason = cuda_ready.refusal()
    if reason is not None:
        return reason
    try:
        _engines(directory, spec, tasks, precision)
    except PerceptionError as error:
        return str(error)
    return None


def _engines(directory: Path, spec: ModelSpec, tasks: list[TaskSpec], precision: str) -> Mapping[str, Path]:
    """Network -> its engine for this device. Raises BackendUnavailable where one is still to be built."""
    from perception.backends import trt
    from perception.backends.engine_cache import EngineCache, identity, options_for, this_device, user_cache

    files = _files(spec, ON_CUDA.get(precision, precision))
    cache, facts, version = EngineCache(user_cache()), this_device(), trt.installed()
    return {
        network: cache.ready(identity((directory / files[network]).read_bytes(), version, options, facts))
        for network, options in options_for(tasks, ON_CUDA.get(precision, precision)).items()
    }


def _cuda(directory: Path, spec: ModelSpec, tasks: list[TaskSpec], precision: str) -> Pipeline:
    from perception.backends.cuda import CudaBackend
    from perception.backends.trt import TrtRunner
    from perception.bundle import MAIN
    from perception.kernels.cuda import CudaDevice
    from perception.pipeline import Pipeline
    from perception.preprocess.cuda import CudaPreprocess
    from perception.tasks import TASKS

    engines = _engines(directory, spec, tasks, precision)
    device = CudaDevice()
    runners = {network: TrtRunner(engine, device) for network, engine in engines.items()}
    signs = next((runner for network, runner in runners.items() if network != MAIN), None)
    backend = CudaBackend(device, _settings(tasks), runners[MAIN], signs)
    ready = [TASKS[task.name](task, backend) for task in tasks]
    return Pipeline(backend, CudaPreprocess(device, backend.tensor), ready)


def _settings(tasks: list[TaskSpec]) -> Settings:
    """What the kernels decode with: the same as the tasks would on the host."""
    from perception.backends.cuda import Settings
    from perception.tasks import detection, drivable, signs

    of = {task.name: task for task in tasks}
    settings = Settings(lanes="lanes" in of)
    if "detection" in of:
        settings = replace(settings, **detection.on_device(of["detection"]))
    if "signs" in of:
        settings = replace(settings, sign=signs.SIGN)
    if "drivable" in of:
        settings = replace(settings, drivable=drivable.threshold(of["drivable"]))
    return settings


def select(spec: ModelSpec, names: Iterable[str] | None) -> list[TaskSpec]:
    """The named tasks and those they need, in the order in which they are decoded."""
    from perception.tasks import TASKS

    unknown = sorted(set(spec.tasks) - set(TASKS))
    if unknown:
        raise BundleError(
            f"bundle {spec.name}: expected tasks of {', '.join(TASKS)}, got {', '.join(unknown)}. "
            "Install the version of perception that wrote it"
        )
    if isinstance(names, str):
        raise PerceptionError(f"expected a list of tasks, got the text {names!r}; write tasks=[{names!r}]")
    todo, chosen = list(spec.tasks if names is None else names), set[str]()
    while todo:
        name = todo.pop()
        if name not in spec.tasks:
            raise PerceptionError(
                f"expected tasks of {', '.join(spec.tasks)}, got {name!r}. `perception info` lists them"
            )
        chosen.add(name)
        todo.extend(set(spec.tasks[name].needs) - chosen)
    if not chosen:
        raise PerceptionError(f"expected at least one task of {', '.join(spec.tasks)}, got none")
    return [spec.tasks[name] for name in TASKS if name in chosen]


def _backends(
    directory: Path,
    spec: ModelSpec,
    tasks: list[TaskSpec],
    precision: str,
    threads: int | None,
    first: Size,
) -> dict[str, Backend]:
    """One backend for each network that `tasks` read, computing only what they read.

    The main network takes every size; it is opened for size `first`.
    """
    from perception.backends import as_written
    from perception.backends.ort import OrtBackend
    from perception.backends.sized import SizedBackend
    from perception.bundle import MAIN

    files = _files(spec, precision)
    kind = as_written.AsWrittenBackend if precision in as_written.PRECISIONS else OrtBackend
    outputs: dict[str, list[str]] = {}
    for task in tasks:
        outputs.setdefault(task.network, []).extend(task.outputs)

    def main(size: Size) -> Backend:
        return kind(directory / files[MAIN], outputs[MAIN], threads, spec.shapes_at(size), size=size)

    backends: dict[str, Backend] = {
        network: kind(directory / files[network], names, threads, spec.shapes)
        for network, names in outputs.items()
        if network != MAIN
    }
    backends[MAIN] = SizedBackend(main, first)
    _check_input(directory / files[MAIN], spec)
    return backends


def _files(spec: ModelSpec, precision: str) -> Mapping[str, str]:
    """Network -> file name."""
    if precision not in spec.files:
        raise PerceptionError(f"expected a precision of {', '.join(spec.files)}, got {precision!r}")
    return spec.files[precision]


def _check_input(path: Path, spec: ModelSpec) -> None:
    """A file that declares a size was trained for it."""
    from perception.backends.onnx_size import size_of

    declared = size_of(path.read_bytes())
    if declared not in (None, spec.input_size):
        raise BundleError(
            f"{path}: expected a network for {spec.input_size} images (width, height), "
            f"got one for {declared}. Export the bundle again"
        )
