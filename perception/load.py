"""`load`: the one place that pairs backends, preprocessing and tasks.

Its parts are imported when it is called, so that `import perception` stays cheap.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from perception.errors import BackendUnavailable, BundleError, PerceptionError

if TYPE_CHECKING:
    from perception.backends.ort import OrtBackend
    from perception.bundle import ModelSpec, TaskSpec
    from perception.pipeline import Pipeline

DEVICES = ("auto", "cpu")


def load(
    bundle: str | Path | None = None,
    device: str = "auto",
    tasks: Iterable[str] | None = None,
    precision: str = "int8",
    threads: int | None = None,
) -> Pipeline:
    """A pipeline, ready for frames.

    bundle: a bundle folder; None: the one that comes with the package.
    device: "cpu", or "auto" for the best this machine has.
    tasks: which to run, in any order, and with them those they read from; None: all of the bundle. What the
        others need of the network is not computed.
    precision: a key of the bundle's files, "int8" or "fp32".
    threads: of the network; None: the cores this process may use, at most 4.

    Raises BundleError, BackendUnavailable, or PerceptionError for a task or precision the bundle lacks.
    """
    from perception import bundle as bundles
    from perception.backends.finite import FiniteBackend
    from perception.pipeline import Pipeline
    from perception.preprocess.cpu import CpuPreprocess
    from perception.tasks import TASKS

    if device not in DEVICES:
        raise BackendUnavailable(f"expected a device of {', '.join(DEVICES)}, got {device!r}")
    directory = Path(bundle) if bundle is not None else bundles.SHIPPED
    spec = bundles.read(directory)
    chosen = select(spec, tasks)
    backends = _backends(directory, spec, chosen, precision, threads)
    _check_input(directory, spec, backends[bundles.MAIN])
    own = {name: FiniteBackend(backend) for name, backend in backends.items() if name != bundles.MAIN}
    ready = [TASKS[task.name](task, own.get(task.network)) for task in chosen]
    return Pipeline(backends[bundles.MAIN], CpuPreprocess(), ready, list(own.values()))


def select(spec: ModelSpec, names: Iterable[str] | None) -> list[TaskSpec]:
    """The named tasks and those they need, in the order in which they are decoded."""
    from perception.tasks import TASKS

    unknown = sorted(set(spec.tasks) - set(TASKS))
    if unknown:
        raise BundleError(
            f"bundle {spec.name}: expected tasks of {', '.join(TASKS)}, got {', '.join(unknown)}. "
            "Install the version of perception that wrote it"
        )
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
    directory: Path, spec: ModelSpec, tasks: list[TaskSpec], precision: str, threads: int | None
) -> dict[str, OrtBackend]:
    """One backend for each network that `tasks` read, computing only what they read."""
    from perception.backends.ort import OrtBackend

    if precision not in spec.files:
        raise PerceptionError(f"expected a precision of {', '.join(spec.files)}, got {precision!r}")
    outputs: dict[str, list[str]] = {}
    for task in tasks:
        outputs.setdefault(task.network, []).extend(task.outputs)
    files = spec.files[precision]
    return {
        network: OrtBackend(directory / files[network], names, threads, spec.shapes)
        for network, names in outputs.items()
    }


def _check_input(directory: Path, spec: ModelSpec, main: OrtBackend) -> None:
    if main.input_size != spec.input_size:
        raise BundleError(
            f"{directory}: expected a network for {spec.input_size} images (width, height), "
            f"got one for {main.input_size}. Export the bundle again"
        )
