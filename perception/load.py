"""`load`: the one place that pairs backends, preprocessing and tasks.

Its parts are imported when it is called, so that `import perception` stays cheap.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perception.errors import BundleError, PerceptionError

if TYPE_CHECKING:
    from perception.backends.cuda import Settings
    from perception.backends.engine_cache import Entry
    from perception.backends.runtimes import Network
    from perception.bundle import ModelSpec, TaskSpec
    from perception.interfaces import Backend, Task
    from perception.pipeline import Pipeline
    from perception.types import Size

    SizeFor = Callable[[Size], Size]  # image size -> input size of the main network

ON_CUDA = {"int8": "trt.int8"}  # the file that a precision means there, where it is another

MOST_THREADS = 256  # more than the network has work for; each takes memory

log = logging.getLogger(__name__)


def load(
    bundle: str | Path | None = None,
    device: str = "auto",
    tasks: Iterable[str] | None = None,
    precision: str = "int8",
    threads: int | None = None,
    input_size: str | Size = "auto",
    crop: str | tuple[float, float, float, float] | None = None,
    runtime: str = "auto",
    stages: Iterable[str] | None = (),
    mount: str | Path | None = None,
) -> Pipeline:
    """A pipeline, ready for frames.

    bundle: a folder, or the name of a bundle that comes with the package; None: "road".
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
    crop: the part of every image that is looked at: "x,y,width,height", pixels or fractions of the image.
        What is found is where it is in the whole image.
    runtime: of the networks on the CPU: "onnxruntime", "openvino", or "auto" for the faster of those that are
        installed, which is measured once for each network (`backends.runtimes`). Named, it means the CPU.
    stages: what runs after the tasks, names of `perception.stages.STAGES`; None: all that these tasks allow.
        Most remember earlier frames: give such a pipeline the frames of one camera, in their order.
    mount: the file in which the stage `mount` keeps what it learnt of this camera, for the next start.

    Raises BundleError, BackendUnavailable, or PerceptionError for a task, stage or precision that there is
    not, or a size that no network takes.
    """
    from perception import bundle as bundles
    from perception.blank import is_blank
    from perception.crop import WHOLE, Crop
    from perception.devices import choose
    from perception.input_size import InputSize
    from perception.stages import ready

    wish, part = InputSize.parse(input_size), WHOLE if crop is None else Crop.parse(crop)
    if threads is not None and not (isinstance(threads, int) and 1 <= threads <= MOST_THREADS):
        raise PerceptionError(f"expected 1 to {MOST_THREADS} threads, got {threads!r}")
    directory = bundles.folder(bundle)
    spec = bundles.read(directory)
    chosen = select(spec, tasks)
    following = ready(stages, chosen, mount)
    size_for = wish.sizes(spec.input_size)
    probes = {
        "cuda": lambda: _no_cuda(directory, spec, chosen, precision, size_for, runtime),
        "cpu": lambda: None,
    }
    choice = choose(device, probes)
    for name, reason in choice.refused.items():
        log.info("device %s, not %s: %s", choice.device, name, reason)
    if choice.device == "cuda":
        pipeline = _cuda(directory, spec, chosen, precision, size_for)
    else:
        pipeline = _cpu(directory, spec, chosen, precision, threads, size_for, runtime)
    pipeline.crop, pipeline.is_blank, pipeline.stages = part, is_blank, following
    return pipeline


def _cpu(
    directory: Path,
    spec: ModelSpec,
    tasks: list[TaskSpec],
    precision: str,
    threads: int | None,
    size_for: SizeFor,
    runtime: str,
) -> Pipeline:
    from perception.backends.finite import FiniteBackend
    from perception.backends.runtimes import opened, runtime_for
    from perception.backends.sized import SizedBackend
    from perception.bundle import MAIN
    from perception.pipeline import Pipeline
    from perception.preprocess.cpu import CpuPreprocess
    from perception.tasks import maker

    networks = _networks(directory, spec, tasks, precision, threads, size_for(spec.input_size))
    runtimes = {name: runtime_for(network, runtime) for name, network in networks.items()}
    own = {
        name: FiniteBackend(opened(network, runtimes[name]))
        for name, network in networks.items()
        if name != MAIN
    }
    ready = [maker(task)(task, own.get(task.network)) for task in tasks]
    main = networks[MAIN]

    def at(size: Size) -> Backend:
        return opened(replace(main, size=size, shapes=spec.shapes_at(size)), runtimes[MAIN])

    def lighten(kept: Sequence[Task]) -> Backend | None:
        names = {task.name for task in kept}
        outputs = tuple(
            output for task in tasks if task.network == MAIN and task.name in names for output in task.outputs
        )
        if outputs == main.outputs:
            return None
        part = replace(main, outputs=outputs)
        return SizedBackend(
            lambda size: opened(replace(part, size=size, shapes=spec.shapes_at(size)), runtimes[MAIN]),
            size_for(spec.input_size),
        )

    backend = SizedBackend(at, size_for(spec.input_size))
    own_networks = list(own.values())
    return Pipeline(
        backend, CpuPreprocess(), ready, own_networks, size_for, runtimes=runtimes, lighten=lighten
    )


def _no_cuda(
    directory: Path,
    spec: ModelSpec,
    tasks: list[TaskSpec],
    precision: str,
    size_for: SizeFor,
    runtime: str,
) -> str | None:
    """Why CUDA cannot run these tasks of the bundle here; None: it can."""
    from perception.backends import cuda_ready
    from perception.devices import AUTO

    if runtime != AUTO:
        return f"the runtime {runtime}, which was asked for, runs on the CPU"
    reason = cuda_ready.refusal()
    if reason is not None:
        return reason
    try:
        stored_engines(directory, spec, tasks, precision, size_for(spec.input_size))
    except PerceptionError as error:
        return str(error)
    return None


def stored_engines(
    directory: Path, spec: ModelSpec, tasks: list[TaskSpec], precision: str, size: Size
) -> Mapping[str, Entry]:
    """Network -> its engine for this device, that of the main one for images of `size`.

    Raises BackendUnavailable where one is still to be built, PerceptionError for another precision.
    """
    from perception.backends import trt
    from perception.backends.engine_cache import EngineCache, identity, options_for, this_device, user_cache

    precision = ON_CUDA.get(precision, precision)
    files = files_of(spec, precision)
    cache, facts, version = EngineCache(user_cache()), this_device(), trt.installed()
    command = _build_command(directory, spec, tasks, precision, size)
    return {
        network: cache.ready(
            identity((directory / files[network]).read_bytes(), version, options, facts), command
        )
        for network, options in options_for(tasks, precision, size=size).items()
    }


def _build_command(
    directory: Path, spec: ModelSpec, tasks: list[TaskSpec], precision: str, size: Size
) -> str:
    """What builds the engines that `stored_engines` finds for the same; defaults are left out."""
    from perception.bundle import SHIPPED

    words = ["perception", "engine"]
    if directory != SHIPPED:
        words.append(str(directory))
    if precision not in ON_CUDA.values():
        words += ["--precision", precision]
    if len(tasks) < len(spec.tasks):
        words += ["--tasks", ",".join(task.name for task in tasks)]
    if size != spec.input_size:
        words += ["--input-size", "{}x{}".format(*size)]
    return shlex.join(words)


def _cuda(
    directory: Path, spec: ModelSpec, tasks: list[TaskSpec], precision: str, size_for: SizeFor
) -> Pipeline:
    from perception.backends.cuda import CudaBackend
    from perception.backends.sized import SizedBackend
    from perception.backends.trt import TrtRunner
    from perception.bundle import MAIN
    from perception.kernels.cuda import CudaDevice
    from perception.pipeline import Pipeline
    from perception.preprocess.cuda import CudaPreprocess
    from perception.tasks import maker

    engines = partial(stored_engines, directory, spec, tasks, precision)
    first = size_for(spec.input_size)
    engines(first)  # before the device is touched
    device, settings = CudaDevice(), _settings(tasks)

    def opened(size: Size) -> CudaBackend:
        runners = {
            network: TrtRunner(engine.plan, device, engine.dla_core)
            for network, engine in engines(size).items()
        }
        main = runners.pop(MAIN)
        return CudaBackend(device, settings, main, next(iter(runners.values()), None))

    # The device keeps its memory until it is closed, and few sizes have engines: all stay open.
    backend = SizedBackend(opened, first, lambda frame: frame.box.network, inf)
    ready = [maker(task)(task, backend) for task in tasks]
    preprocess = CudaPreprocess(device, lambda size: backend.at(size).tensor)
    sizes = _with_engines(size_for, first, engines)
    runtimes = dict.fromkeys(engines(first), "tensorrt")
    return Pipeline(backend, preprocess, ready, [device], sizes, runtimes=runtimes)


def _with_engines(size_for: SizeFor, first: Size, engines: Callable[[Size], object]) -> SizeFor:
    """`size_for`, but `first`, whose engine is there, where the engine of another size is not."""

    @lru_cache(64)
    def choose(image: Size) -> Size:
        size = size_for(image)
        try:
            engines(size)
        except PerceptionError as error:
            log.warning("images of %d x %d at input size %d x %d: %s", *image, *first, error)
            return first
        return size

    return choose


def _settings(tasks: list[TaskSpec]) -> Settings:
    """What the kernels decode with: the same as the tasks would on the host."""
    from perception.backends.cuda import Settings
    from perception.tasks import maker

    said: dict[str, Any] = {}
    for task in tasks:
        said |= maker(task).on_device(task)
    return Settings(**said)


def select(spec: ModelSpec, names: Iterable[str] | None) -> list[TaskSpec]:
    """The named tasks and those they need, in the order in which they are decoded."""
    from perception.bundle import MAIN
    from perception.tasks import ADDED, TASKS

    unknown = sorted(name for name, task in spec.tasks.items() if not _known(task))
    if unknown:
        raise BundleError(
            f"bundle {spec.name}: expected tasks of {', '.join(TASKS)}, or added ones of the kinds "
            f"{', '.join(ADDED)}, got {', '.join(unknown)}. Install the version of perception that wrote it"
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
    for name in chosen - {name for name, task in spec.tasks.items() if task.kind}:
        needed = set(TASKS[name].about.spec.outputs) - set(TASKS[name].about.optional)
        if missing := sorted(needed - set(spec.tasks[name].outputs)):
            raise BundleError(
                f"bundle {spec.name}: expected the outputs {', '.join(sorted(needed))} for the task {name}, "
                f"got none of the name {', '.join(missing)}. Export it again"
            )
    if not any(spec.tasks[name].network == MAIN for name in chosen):
        raise BundleError(
            f"bundle {spec.name}: expected a task that reads the network {MAIN!r}, got "
            f"{', '.join(sorted(chosen))} only. Export it again"
        )
    added = [name for name, task in spec.tasks.items() if task.kind]
    return [spec.tasks[name] for name in (*TASKS, *added) if name in chosen]


def _known(task: TaskSpec) -> bool:
    """One of ours, or an added one under a name that is none of ours."""
    from perception.tasks import ADDED, TASKS

    return task.kind in ADDED and task.name not in TASKS if task.kind else task.name in TASKS


def _networks(
    directory: Path,
    spec: ModelSpec,
    tasks: list[TaskSpec],
    precision: str,
    threads: int | None,
    first: Size,
) -> dict[str, Network]:
    """The networks that `tasks` read, and of each what they read; the main one for images of size `first`."""
    from perception.backends import FOR_ANOTHER_DEVICE
    from perception.backends.runtimes import Network
    from perception.bundle import MAIN

    files = files_of(spec, precision)
    outputs: dict[str, list[str]] = {}
    for task in tasks:
        outputs.setdefault(task.network, []).extend(task.outputs)
    _check_input(directory / files[MAIN], spec)
    simulated = precision in FOR_ANOTHER_DEVICE
    networks = {
        name: Network(directory / files[name], tuple(of), threads, spec.shapes, simulated=simulated)
        for name, of in outputs.items()
    }
    networks[MAIN] = replace(networks[MAIN], size=first, shapes=spec.shapes_at(first))
    return networks


def files_of(spec: ModelSpec, precision: str) -> Mapping[str, str]:
    """Network -> file name. Raises PerceptionError for a precision that the bundle lacks."""
    if precision not in spec.files:
        hint = ". `perception quantize --precisions fp16` makes the file" if precision == "fp16" else ""
        raise PerceptionError(f"expected a precision of {', '.join(spec.files)}, got {precision!r}{hint}")
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
