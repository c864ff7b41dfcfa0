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
from deploy.added.finish import NEW, finish
from deploy.added.graft import Head, check_part, grafted, load
from deploy.added.same import compared, main_outputs, prove
from deploy.folder import check_free, put
from deploy.half import to_half
from deploy.precisions import fp32_files
from perception import bundle as bundles
from perception.bundle import MAIN, ModelSpec, TaskSpec
from perception.errors import BundleError, PerceptionError
from perception.labels.added import Example, Told, name_in, read
from perception.labels.rows import read_image
from perception.model.added import AddedHead
from perception.sinks.files import write_whole
from perception.tasks import ADDED, TASKS
from perception.tasks.added import MOST
from perception.training import ledger
from perception.training.added.fit import Features, check_shown, fit, outputs
from perception.training.added.judge import confusion, metrics
from perception.training.added.recipe import FACTOR, Recipe
from perception.training.added.split import split
from perception.training.added.views import View, views

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
OUTPUT = {"image": "scores", "object": "scores", "map": "maps"}
GRAFTED = ("fp32", "int8", "trt.int8")
SPANNED = 64  # views by which the spans of the head's tensors are chosen
TAIL = 1e-4  # of their values that may lie outside
CODED = 255  # the largest code of features
JUDGED = ("int8", "fp32")  # precisions by which the task is judged
PROVED = 8  # frames by which every added task is checked
Progress = Callable[[int, int], None]  # done, of so many


@dataclass(frozen=True)
class Wanted:
    """What a user asks for."""

    name: str
    data: Sequence[str]
    classes: Sequence[str] = ()  # empty: all that are labelled
    objects: str = ""  # the class of detections that are told apart
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, eq=False)
class Plan:
    spec: ModelSpec  # of the old bundle
    made: ModelSpec  # of the new one
    told: Told
    task: TaskSpec
    recipe: Recipe  # of the kind
    learnt: list[Example]
    judged: list[Example]


@dataclass(frozen=True, eq=False)
class Added:
    spec: ModelSpec
    told: Told
    learnt: list[Example]
    judged: list[Example]
    confusion: Mapping[str, np.ndarray]  # precision -> (classes, classes), as `judge.confusion` counts


def add(wanted: Wanted, bundle: Path | None, out: Path, progress: Progress = lambda *_: None) -> Added:
    """Write to the folder `out` a bundle with the task; `bundle`: the old one, None: the shipped one.

    Nothing is written unless all old outputs are the same. Raises PerceptionError for a name or an `out` that
    cannot be, DataError for labels that do not do, BundleError if the tasks of the bundle share no features.
    """
    check_free(out)
    folder = bundles.folder(bundle)
    plan = planned(wanted, folder)
    told, recipe = plan.told, plan.recipe
    shown, features = seen(folder, plan, progress)
    trained = fit(told.kind, len(told.classes), shown, features, recipe)
    head = _head(trained, wanted.name, plan.task.outputs[0], features)
    with tempfile.TemporaryDirectory() as temporary:
        _write_networks(folder, Path(temporary), plan.spec, head, recipe.strides)
        finish(folder, Path(temporary), plan.made, _rows(folder, wanted, plan.learnt))
        added = Added(plan.made, told, plan.learnt, plan.judged, {})
        added = _proved(folder, Path(temporary), added, wanted.name)
        put(Path(temporary), out)
    return added


def planned(wanted: Wanted, folder: Path) -> Plan:
    """What is to be learnt, before anything is computed. Raises PerceptionError as `add` does."""
    spec = bundles.read(folder)
    _check_files(spec, folder)
    _check_name(wanted.name, spec)
    told = read(wanted.data, wanted.classes)
    if len(told.classes) > MOST:
        raise PerceptionError(f"expected at most {MOST} classes, got {len(told.classes)}")
    recipe = wanted.recipe.of(told.kind)
    task = _task(wanted, told, recipe, spec)
    made = _with_task(spec, task, recipe.stride)
    bundles.check(made, folder)
    learnt, judged = split(told, recipe.held_out)
    return Plan(spec, made, told, task, recipe, learnt, judged)


def _proved(folder: Path, made: Path, added: Added, name: str) -> Added:
    """Judged, and known to keep the old outputs; the bundle in `made` tells of it. Raises BundleError."""
    measured = {
        precision: confusion(made, name, added.judged, precision)
        for precision in added.spec.files
        if precision in JUDGED
    }
    prove(compared(folder, made, (read_image(example.image) for example in added.judged[:PROVED])))
    facts = {
        "kind": added.told.kind,
        "images": len(added.learnt),
        "judged": len(added.judged),
        "metrics": {precision: metrics(matrix) for precision, matrix in measured.items()},
        "confusion": {precision: matrix.tolist() for precision, matrix in measured.items()},
    }
    return replace(added, spec=_told(made, name, facts), confusion=measured)


def _check_files(spec: ModelSpec, folder: Path) -> None:
    """Raises BundleError for precisions that no head can be put into."""
    if unknown := sorted({*spec.files} - {*GRAFTED, "fp16"}):
        raise BundleError(f"{folder}: expected files of {', '.join(GRAFTED)}, fp16, got {', '.join(unknown)}")
    if "fp16" in spec.files or "int8" not in spec.files:
        fp32_files(spec, folder)


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


def seen(folder: Path, plan: Plan, progress: Progress) -> tuple[list[View], Features]:
    """All views without their pictures, and their features. Raises DataError: a class is in none."""
    recipe, classes, size = plan.recipe, plan.told.classes, plan.spec.input_size
    extract = Extractor(folder, plan.spec, recipe.strides)
    rng, shown = np.random.default_rng(recipe.seed), list[View]()
    total = len(plan.learnt) * recipe.views

    def pictures() -> Any:
        for example in plan.learnt:
            for view in views(example, classes, size, recipe, rng):
                shown.append(replace(view, image=np.empty((0, 0, 3), np.uint8)))
                yield view.image

    features = extract(pictures(), total, lambda done: progress(done, total))
    check_shown(shown, classes)
    return shown, features


@torch.no_grad()
def _head(trained: AddedHead, name: str, output: str, features: Features) -> Head:
    """Its weights; the spans of its tensors are those on some of what it has learnt from."""
    views, first = len(features.levels[0].codes), features.levels[0]
    seen = features.batch(np.linspace(0, views - 1, min(SPANNED, views)).astype(int))
    details = trained.details(seen)
    if details is not None:  # they are joined to the features, and rounded as these are
        trained.scale_details(CODED * first.scale / max(float(np.quantile(details.numpy(), 1 - TAIL)), 1e-6))
    hidden = trained.hidden(seen)
    out = trained.out(hidden)
    weights = {key: value.numpy() for key, value in trained.state_dict().items()}
    spans = {
        "hidden": (0.0, float(np.quantile(hidden.numpy(), 1 - TAIL))),
        "out": (float(np.quantile(out.numpy(), TAIL)), float(np.quantile(out.numpy(), 1 - TAIL))),
    }
    return Head(name, output, weights, spans)


def _with_task(spec: ModelSpec, task: TaskSpec, stride: int) -> ModelSpec:
    width, height = spec.input_size
    shape = (1, outputs(task.kind, len(task.classes)), height // stride, width // stride)
    return replace(
        spec, tasks={**spec.tasks, task.name: task}, shapes={**spec.shapes, task.outputs[0]: shape}
    )


def _write_networks(folder: Path, made: Path, spec: ModelSpec, head: Head, strides: Sequence[int]) -> None:
    """All files of the bundle of `spec`, the main networks with the head. Raises BundleError."""
    for precision, files in sorted(spec.files.items(), key=lambda own: own[0] == "fp16"):
        for network, file in files.items():
            if network != MAIN:
                shutil.copy(folder / file, made / file)
        source, target = folder / files[MAIN], made / files[MAIN]
        if precision == "fp16":
            to_half(made / spec.files["fp32"][MAIN], target)
        else:
            model = grafted(load(source), head, strides, spec.input_size, precision)
            write_whole(target, model.SerializeToString())
        check_part(source, target, main_outputs(spec))


def _rows(folder: Path, wanted: Wanted, learnt: Sequence[Example]) -> list[ledger.Row]:
    name = wanted.name
    own = [
        ledger.Row(name_in(example.image, wanted.data), name, ledger.UNSAID, name, "") for example in learnt
    ]
    return ledger.merged(ledger.of_bundle(folder) or ledger.unrecorded(folder.name), own)


def _told(folder: Path, name: str, facts: Mapping[str, Any]) -> ModelSpec:
    """Keep in the bundle what was measured of an added task."""
    spec = bundles.read(folder)
    known = {**spec.info.get(NEW, {}), name: dict(facts)}
    return bundles.write(folder, replace(spec, info={**spec.info, NEW: known}))
