"""Family `model`: bundles that are damaged, and networks that compute nonsense."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from perception import bundle
from tools.campaign.cameras import Camera
from tools.campaign.commands import words
from tools.campaign.fault import Desk, Fault, Result
from tools.campaign.programs import Program

FAILED = 2
Damage = Callable[[Path], None]


def network(folder: Path, precision: str = "int8") -> Path:
    return folder / bundle.read(bundle.SHIPPED).files[precision]["main"]


def cut(folder: Path) -> None:
    path = network(folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(folder: Path) -> None:
    data = bytearray(network(folder).read_bytes())
    data[len(data) // 2] ^= 1
    network(folder).write_bytes(data)


def missing(folder: Path) -> None:
    network(folder).unlink()


def empty(folder: Path) -> None:
    network(folder).write_bytes(b"")


def no_description(folder: Path) -> None:
    (folder / bundle.MODEL).write_text("not json")


def other_version(folder: Path) -> None:
    path = folder / bundle.MODEL
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "tasks": {}}))


def garbage(folder: Path) -> None:
    """The sums fit, the network is none."""
    network(folder).write_bytes(np.random.default_rng(0).bytes(1 << 20))
    _sealed(folder)


def not_a_number(folder: Path) -> None:
    """A network that is whole and computes NaN; those of INT8 cannot."""
    import onnx
    from onnx import numpy_helper

    path = network(folder, "fp32")
    model = onnx.load(path)
    for weights in model.graph.initializer:
        values = numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.ndim == 1 and values.size > 1:
            nan = numpy_helper.from_array(np.full_like(values, np.nan), weights.name)
            weights.CopyFrom(nan)
    onnx.save(model, path)
    _sealed(folder)


def _sealed(folder: Path) -> None:
    """With sums that fit what is there now."""
    spec = bundle.read(bundle.SHIPPED)
    bundle.write(folder, replace(spec, sha256={}))


DAMAGES: dict[str, Damage] = {
    "cut": cut,
    "flipped": flipped,
    "missing": missing,
    "empty": empty,
    "no_description": no_description,
    "other_version": other_version,
    "garbage": garbage,
}


def _damaged(folder: Path, damage: Damage) -> Path:
    place = folder / "bundle"
    shutil.copytree(bundle.SHIPPED, place)
    damage(place)
    return place


def refused(command: str, damage: Damage, result: Result, desk: Desk, more: Sequence[str] = ()) -> None:
    """Nothing is seen with a damaged model: the command ends in one line."""
    folder = desk.folder()
    place = _damaged(folder, damage)
    camera = Camera("pipe", folder)
    if command == "serve":
        said = ["serve", f"front={camera.source}", "--port", "0", "--tasks", "drivable"]
    else:
        said = words(command, camera.source, folder / "out")
    program = Program([*said, *more, "--bundle", str(place)], folder)
    try:
        code = program.wait(180.0)
    finally:
        program.kill()
    result.seen = f"exit code {code}"
    result.expect(code == FAILED, f"exit code {code}: {program.said()[-300:]}")
    result.expect("Traceback" not in program.said(), f"a traceback: {program.said()[-300:]}")


def _faults() -> Iterator[Fault]:
    for name, damage in DAMAGES.items():
        yield Fault(f"{name}.model.run", "model", f"exit code {FAILED}", partial(refused, "run", damage))
    for name in ("flipped", "garbage"):
        play = partial(refused, "serve", DAMAGES[name])
        yield Fault(f"{name}.model.serve", "model", f"exit code {FAILED}", play)
    for command in ("run", "serve"):
        play = partial(refused, command, not_a_number, more=("--precision", "fp32"))
        yield Fault(f"nan.model.{command}", "model", f"exit code {FAILED}", play)


FAULTS = tuple(_faults())
