"""A bundle without one of its added tasks."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import onnx

from deploy.added.add import NEW
from deploy.added.graft import load
from perception import bundle as bundles
from perception.bundle import LEDGER, LEDGER_INFO, MAIN, ModelSpec
from perception.errors import PerceptionError
from perception.sinks.files import write_whole
from perception.training import ledger


def remove(name: str, bundle: Path, out: Path) -> ModelSpec:
    """Write to the folder `out` the bundle without the task `name`. Raises PerceptionError."""
    spec = bundles.read(bundle)
    task = spec.tasks.get(name)
    if task is None:
        raise PerceptionError(f"expected a task of {', '.join(spec.tasks)}, got {name!r}")
    if readers := [other.name for other in spec.tasks.values() if name in other.needs]:
        raise PerceptionError(f"{name}: expected a task that no other reads, but {', '.join(readers)} does")
    if out.resolve() == bundle.resolve():
        raise PerceptionError(f"--out {out}: expected another folder than the bundle's, which stays as it is")
    tasks = {other: own for other, own in spec.tasks.items() if other != name}
    if not any(own.network == MAIN for own in tasks.values()):
        raise PerceptionError(f"{name}: expected another task of the main network beside it, got none")
    networks = {own.network for own in tasks.values()}
    files = {
        precision: {network: file for network, file in own.items() if network in networks}
        for precision, own in spec.files.items()
    }
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        for own in files.values():
            for network, file in own.items():
                target = Path(temporary) / file
                if network == MAIN and task.network == MAIN:
                    write_whole(target, without(load(bundle / file), task.outputs).SerializeToString())
                else:
                    shutil.copy(bundle / file, target)
        for made in [*Path(temporary).iterdir(), *filter(Path.is_file, [bundle / "README.md"])]:
            shutil.copy(made, out / made.name)
    shapes = {output: shape for output, shape in spec.shapes.items() if output not in task.outputs}
    info = _info(spec, name)
    if rows := [row for row in ledger.of_bundle(bundle) if (row.source, row.labels) != (name, name)]:
        write_whole(out / LEDGER, ledger.to_csv(rows).encode())
        info |= {LEDGER_INFO: ledger.summary(rows)}
    return bundles.write(out, replace(spec, tasks=tasks, files=files, shapes=shapes, info=info))


def without(model: onnx.ModelProto, outputs: tuple[str, ...]) -> onnx.ModelProto:
    """The same network without `outputs`, and without what nobody reads then."""
    graph = model.graph
    kept = [value for value in graph.output if value.name not in outputs]
    wanted = {value.name for value in kept}
    nodes = []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            nodes.append(node)
            wanted |= set(node.input)
    stored = [tensor for tensor in graph.initializer if tensor.name in wanted]
    for field, left in ((graph.node, nodes[::-1]), (graph.initializer, stored), (graph.output, kept)):
        copies = [type(part).FromString(part.SerializeToString()) for part in left]
        del field[:]
        field.extend(copies)
    return model


def _info(spec: ModelSpec, name: str) -> dict[str, object]:
    """Without what is known of the task alone."""
    info = dict(spec.info)
    if NEW in info:
        info[NEW] = {other: facts for other, facts in info[NEW].items() if other != name}
    return info
