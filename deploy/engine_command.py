"""`perception engine`: the engines of a bundle for this device, so that the first start finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.engine import TIMEOUT_S, Check, Subprocess, engine
from deploy.engine import Progress as Step
from deploy.engine_check import KnownAnswers
from perception import bundle as bundles
from perception.backends.engine_cache import (
    WORKSPACE_MB,
    DeviceFacts,
    EngineCache,
    EngineOptions,
    options_for,
    this_device,
    user_cache,
)
from perception.errors import BundleError
from perception.input_size import InputSize
from perception.kernels.device import Device
from perception.load import select
from perception.terminal import terminal
from perception.types import Size


@dataclass(frozen=True)
class Built:
    """One engine that may be used."""

    network: str
    options: EngineOptions
    plan: Path
    seconds: float


def build_engines(
    bundle: Path | None = None,
    precision: str = "trt.int8",
    tasks: Iterable[str] | None = None,
    dla: int | None = None,
    workspace_mb: int = WORKSPACE_MB,
    cache: Path | None = None,
    timeout_s: float = TIMEOUT_S,
    check: bool = True,
    input_size: str | Size = "auto",
) -> list[Built]:
    """Build what is not there yet, with progress on stderr and a table at the end.

    `cache`: where they are kept; None: where `load` looks.
    `check`: compare each engine with its network's answers on the CPU before it is kept; that needs pycuda.
    `input_size`: as for `load`; "auto" is the bundle's own, "2x" of its shape.
    Raises BackendUnavailable without device or TensorRT, BundleError, PerceptionError, SinkError.
    """
    folder = bundles.folder(bundle)
    spec = bundles.read(folder)
    files = spec.files.get(precision)
    if files is None:
        raise BundleError(
            f"{folder}: expected {precision} files, got {', '.join(spec.files)}; make them: "
            "`perception quantize`"
        )
    size = InputSize.parse(input_size).sizes(spec.input_size)(spec.input_size)
    wanted = options_for(select(spec, tasks), precision, dla, workspace_mb, size)
    facts = this_device()  # before TensorRT is touched
    store = EngineCache(cache or user_cache())
    console = terminal(stderr=True)
    with _opened(check) as device:
        built = [
            _built(folder / files[network], network, options, facts, store, device, timeout_s, console)
            for network, options in wanted.items()
        ]
    _show(built, facts, console)
    return built


@contextmanager
def _opened(check: bool) -> Iterator[Device | None]:
    """The device to check engines on."""
    if not check:
        yield None
        return
    from perception.kernels.cuda import CudaDevice

    with closing(CudaDevice()) as device:
        yield device


def _built(
    file: Path,
    network: str,
    options: EngineOptions,
    facts: DeviceFacts,
    store: EngineCache,
    device: Device | None,
    timeout_s: float,
    console: Console,
) -> Built:
    check: Check | None = None if device is None else _later(file, options, device)
    start = perf_counter()
    with _bar(network, console) as report:
        plan = engine(file, options, facts, store, check, report, Subprocess(timeout_s))
    return Built(network, options, plan, perf_counter() - start)


def _later(file: Path, options: EngineOptions, device: Device) -> Check:
    """The answers are computed when an engine is to be checked: not for those that were."""
    return lambda plan: KnownAnswers(file, options, device)(plan)


@contextmanager
def _bar(network: str, console: Console) -> Iterator[Callable[[Step], None]]:
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) if console.is_terminal else nullcontext() as progress:
        line = progress.add_task(network, total=None) if progress else None
        last = ""

        def report(step: Step) -> None:
            nonlocal last
            if progress and line is not None:
                text = f"{network}: {step.phase}"
                progress.update(line, description=text, total=step.steps or None, completed=step.step)
            elif step.phase != last:  # a log file: a line a phase
                console.print(f"{network}: {step.phase}")
            last = step.phase

        yield report


def _show(built: list[Built], facts: DeviceFacts, console: Console) -> None:
    table = Table("network", "outputs", "MB", "s", "engine", title=f"{facts.name}, CUDA {facts.cuda}")
    for one in built:
        size, outputs = one.plan.stat().st_size / 1e6, len(one.options.outputs or ())
        table.add_row(one.network, str(outputs), f"{size:.1f}", f"{one.seconds:.1f}", str(one.plan))
    console.print(table)
