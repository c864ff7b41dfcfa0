"""A bundle with one task more: features once, a head, new files; the old answers are the same to the bit."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deploy.added.features import Extractor
from deploy.added.graft import Head, grafted, load, same_part
from deploy.half import to_half
from perception import bundle as bundles
from perception.bundle import LEDGER, LEDGER_INFO, MAIN, ModelSpec, TaskSpec
from perception.errors import BundleError, PerceptionError
from perception.labels.added import Example, Told, read
from perception.model.added import AddedHead
from perception.sinks.files import write_whole
from perception.tasks import ADDED, TASKS
from perception.training import ledger
from perception.training.added.fit import Features, fit
from perception.training.added.recipe import FACTOR, Recipe
from perception.training.added.split import split
from perception.training.added.views import View, views

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
OUTPUT = {"image": "scores", "object": "scores", "map": "maps"}
GRAFTED = ("fp32", "int8", "trt.int8")
MOST = 64  # classes of a task
SPANNED = 64  # views by which the spans of the head's tensors are chosen
TAIL = 1e-4  # of their values that may lie outside
NEW = "added"  # in `info`: what is known of added tasks
Progress = Callable[[int, int, str], None]  # done, of so many, what


@dataclass(frozen=True)
class Wanted:
    """What a user asks for."""

    name: str
    data: Sequence[str]
    classes: Sequence[str] = ()  # empty: all that are labelled
    objects: str = ""  # the class of detections that are told apart
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True)
class Added:
    spec: ModelSpec
    told: Told
    learnt: list[Example]
    judged: list[Example]


def add(wanted: Wanted, bundle: Path | None, out: Path, progress: Progress = lambda *_: None) -> Added:
    """Write to the folder `out` a bundle with the task; `bundle`: the old one, None: the shipped one.

    Raises PerceptionError for a name that cannot be, DataError for labels that do not do, BundleError if the
    tasks of the bundle share no features.
    """
    folder = bundle or bundles.SHIPPED
    spec = bundles.read(folder)
    _check_name(wanted.name, spec)
    if out.resolve() == folder.resolve():
        raise PerceptionError(f"--out {out}: expected another folder than the bundle's, which stays as it is")
    told = read(wanted.data, wanted.classes)
    if len(told.classes) > MOST:
        raise PerceptionError(f"expected at most {MOST} classes, got {len(told.classes)}")
    recipe = wanted.recipe.of(told.kind)
    task = _task(wanted, told, recipe, spec)
    extract = Extractor(folder, spec, recipe.stride)
    learnt, judged = split(told, recipe.held_out)
    shown, features = _seen(extract, learnt, told.classes, spec.input_size, recipe, progress)
    trained = fit(told.kind, len(told.classes), shown, features, recipe)
    head = _head(trained, wanted.name, task.outputs[0], features)
    made = _with_task(spec, task, head, recipe.stride)
    with tempfile.TemporaryDirectory() as temporary:
        _write_networks(folder, Path(temporary), made, head, recipe.stride)
        written = _finish(folder, Path(temporary), out, made, _rows(folder, wanted.name, learnt))
    return Added(written, told, learnt, judged)


def _check_name(name: str, spec: ModelSpec) -> None:
    if name in spec.tasks:
        raise PerceptionError(
            f"expected a new name, got {name!r}, which the bundle {spec.name} has; choose another, or take "
            f"that out first: perception remove-task {name}"
        )
    if not NAME.fullmatch(name) or name in (*TASKS, *ADDED, "classes"):
        raise PerceptionError(
            f"expected a name of small letters, digits and _, none of {', '.join((*TASKS, *ADDED))}, "
            f"got {name!r}"
        )


def _task(wanted: Wanted, told: Told, recipe: Recipe, spec: ModelSpec) -> TaskSpec:
    settings: dict[str, Any] = {"stride": recipe.stride}
    needs: tuple[str, ...] = ()
    if told.kind == "map":
        settings["factor"] = FACTOR
    if told.kind == "object":
        found = spec.tasks["detection"].classes if "detection" in spec.tasks else ()
        if wanted.objects not in found:
            raise PerceptionError(
                f"expected --objects, the detected class to be told apart, of {', '.join(found) or 'none'}; "
                f"got {wanted.objects!r}"
            )
        settings["object_id"], needs = found.index(wanted.objects), ("detection",)
    elif wanted.objects:
        raise PerceptionError(f"--objects {wanted.objects}: expected data with boxes, got {told.kind}s")
    output = f"{wanted.name}.{OUTPUT[told.kind]}"
    return TaskSpec(wanted.name, told.classes, (output,), needs, MAIN, settings, told.kind)


def _seen(
    extract: Extractor,
    examples: Sequence[Example],
    classes: Sequence[str],
    size: tuple[int, int],
    recipe: Recipe,
    progress: Progress,
) -> tuple[list[View], Features]:
    """All views without their pictures, and their features."""
    rng, shown = np.random.default_rng(recipe.seed), list[View]()
    total = len(examples) * recipe.views

    def pictures() -> Any:
        for example in examples:
            for view in views(example, classes, size, recipe, rng):
                shown.append(replace(view, image=np.empty((0, 0, 3), np.uint8)))
                yield view.image

    features = extract(pictures(), lambda done: progress(done, total, "features"))
    return shown, features


@torch.no_grad()
def _head(trained: AddedHead, name: str, output: str, features: Features) -> Head:
    """Its weights; the spans of its tensors are those on some of what it has learnt from."""
    rows = np.linspace(0, len(features.codes) - 1, min(SPANNED, len(features.codes))).astype(int)
    hidden = trained.hidden(features.batch(rows))
    out = trained.out(hidden)
    weights = {key: value.numpy() for key, value in trained.state_dict().items()}
    spans = {
        "hidden": (0.0, float(np.quantile(hidden.numpy(), 1 - TAIL))),
        "out": (float(np.quantile(out.numpy(), TAIL)), float(np.quantile(out.numpy(), 1 - TAIL))),
    }
    return Head(name, output, weights, spans)


def _with_task(spec: ModelSpec, task: TaskSpec, head: Head, stride: int) -> ModelSpec:
    width, height = spec.input_size
    shape = (1, len(head.weights["out.bias"]), height // stride, width // stride)
    return replace(
        spec, tasks={**spec.tasks, task.name: task}, shapes={**spec.shapes, task.outputs[0]: shape}
    )


def _write_networks(folder: Path, made: Path, spec: ModelSpec, head: Head, stride: int) -> None:
    """All files of the bundle, the main networks with the head. Raises BundleError."""
    old = [value.name for value in load(folder / spec.files["fp32"][MAIN]).graph.output]
    for precision, files in sorted(spec.files.items()):  # fp16 is made from fp32
        for network, file in files.items():
            if network != MAIN:
                shutil.copy(folder / file, made / file)
        source, target = folder / files[MAIN], made / files[MAIN]
        if precision == "fp16":
            continue
        if precision not in GRAFTED:
            raise BundleError(f"{folder}: expected files of {', '.join(GRAFTED)}, got {precision}")
        model = grafted(load(source), head, stride, spec.input_size, precision)
        write_whole(target, model.SerializeToString())
        _check_same(source, target, old)
    if "fp16" in spec.files:
        target = made / spec.files["fp16"][MAIN]
        to_half(made / spec.files["fp32"][MAIN], target)
        _check_same(folder / spec.files["fp16"][MAIN], target, old)


def _check_same(before: Path, after: Path, outputs: list[str]) -> None:
    if not same_part(before.read_bytes(), after.read_bytes(), outputs):
        raise BundleError(f"{before}: expected the old part to stay as it is, got another one; tell us")


def _rows(folder: Path, name: str, learnt: Sequence[Example]) -> list[ledger.Row]:
    own = [ledger.Row(str(example.image), name, ledger.UNSAID, name, "") for example in learnt]
    return ledger.merged(ledger.of_bundle(folder) or ledger.unrecorded(folder.name), own)


def _finish(folder: Path, made: Path, out: Path, spec: ModelSpec, rows: Sequence[ledger.Row]) -> ModelSpec:
    """Everything into `out`, model.json last."""
    out.mkdir(parents=True, exist_ok=True)
    for file in made.iterdir():
        shutil.copy(file, out / file.name)
    if (folder / "README.md").is_file():
        shutil.copy(folder / "README.md", out / "README.md")
    info: Mapping[str, Any] = spec.info
    if rows:
        write_whole(out / LEDGER, ledger.to_csv(rows).encode())
        info = {**info, LEDGER_INFO: ledger.summary(rows)}
    written = bundles.write(out, replace(spec, info=info))
    ledger.check_bundle(out)
    return written


def tell(out: Path, name: str, facts: Mapping[str, Any]) -> ModelSpec:
    """Keep in the bundle what was measured of an added task."""
    spec = bundles.read(out)
    known = {**spec.info.get(NEW, {}), name: dict(facts)}
    return bundles.write(out, replace(spec, info={**spec.info, NEW: known}))
