"""A bundle without one of its added tasks."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from deploy.added.finish import NEW, finish
from deploy.added.graft import check_part, part_of
from deploy.added.same import main_outputs
from deploy.folder import check_free, put
from perception import bundle as bundles
from perception.bundle import MAIN, ModelSpec
from perception.errors import PerceptionError
from perception.sinks.files import write_whole
from perception.training import ledger


def remove(name: str, bundle: Path, out: Path) -> ModelSpec:
    """Write to the folder `out` the bundle without the task `name`. Raises PerceptionError."""
    check_free(out)
    folder = bundles.folder(bundle)
    spec = bundles.read(folder)
    task = spec.tasks.get(name)
    if task is None:
        raise PerceptionError(f"expected a task of {', '.join(spec.tasks)}, got {name!r}")
    if readers := [other.name for other in spec.tasks.values() if name in other.needs]:
        raise PerceptionError(f"{name}: expected a task that no other reads, but {', '.join(readers)} does")
    tasks = {other: own for other, own in spec.tasks.items() if other != name}
    if not any(own.network == MAIN for own in tasks.values()):
        raise PerceptionError(f"{name}: expected another task of the main network beside it, got none")
    networks = {own.network for own in tasks.values()}
    files = {
        precision: {network: file for network, file in own.items() if network in networks}
        for precision, own in spec.files.items()
    }
    left = {output for own in tasks.values() for output in own.outputs}
    shapes = {output: shape for output, shape in spec.shapes.items() if output in left}
    made = replace(spec, tasks=tasks, files=files, shapes=shapes, info=_info(spec, name))
    rows = [row for row in ledger.of_bundle(folder) if (row.source, row.labels) != (name, name)]
    with tempfile.TemporaryDirectory() as temporary:
        _write_networks(folder, Path(temporary), spec, made)
        written = finish(folder, Path(temporary), made, rows)
        put(Path(temporary), out)
    return written


def _write_networks(folder: Path, made: Path, old: ModelSpec, spec: ModelSpec) -> None:
    outputs = main_outputs(spec)
    same = outputs == main_outputs(old)
    for networks in spec.files.values():
        for network, file in networks.items():
            if network != MAIN or same:
                shutil.copy(folder / file, made / file)
                continue
            model = part_of((folder / file).read_bytes(), outputs)
            write_whole(made / file, model.SerializeToString())
            check_part(folder / file, made / file, outputs)


def _info(spec: ModelSpec, name: str) -> dict[str, object]:
    """Without what is known of the task alone."""
    info = dict(spec.info)
    if NEW in info:
        info[NEW] = {other: facts for other, facts in info[NEW].items() if other != name}
    return info
