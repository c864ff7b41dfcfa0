"""A network in training, measured by the same metrics as a bundle, and one score a task."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from perception.backends.eager import EagerBackend
from perception.errors import DataError
from perception.evaluation.judge import judge as compared
from perception.evaluation.measure import measure_dataset
from perception.evaluation.observe import Observer
from perception.evaluation.records import FrameRecord
from perception.labels.folder import read_folder
from perception.labels.labelled import Still
from perception.labels.own import in_classes
from perception.labels.vocabulary import OURS, Vocabulary
from perception.model.network import Network, normalise
from perception.model.specs import task_spec
from perception.pipeline import Pipeline
from perception.preprocess.cpu import CpuPreprocess
from perception.tasks import TASKS, lanes
from perception.types import Size

CROP: Size = (64, 64)
SCORES = {name: (task.about.score.metrics,) for name, task in TASKS.items()}  # the first that there is
ANY = {  # of pictures of any format
    **SCORES,
    "lanes": ("lanes.*.f1", "lanes.*.culane_f1", "lanes.*.accuracy"),
    "signs": ("signs.top1", "*.sign.read_f1"),
}


def pipeline_of(network: Network, size: Size, tasks: Collection[str]) -> Pipeline:
    """The pipeline of a network in evaluation mode, with `tasks`."""
    frames = EagerBackend(lambda images: network(normalise(images)), size)
    crops = EagerBackend(lambda images: network.crops(normalise(images)), CROP)
    own = {"signs": crops}
    specs = {name: task_spec(name, network.classes) for name in TASKS if name in tasks}
    ready = [TASKS[name](spec, own.get(name)) for name, spec in specs.items()]
    return Pipeline(frames, CpuPreprocess(), ready)


def judge(
    network: Network, size: Size, data: Path, limit: int | None = None, words: Vocabulary = OURS
) -> dict[str, float]:
    """Metrics by name on the val split of `data`, at most `limit` pictures of each kind.

    `words`: the classes of the network, and what `data` calls them. Raises DataError.
    """
    dataset, _ = in_classes(read_folder(data, "val", lanes.CLASSES).thinned(limit), words)
    tasks = set(network.heads)
    training = network.training
    network.eval()
    try:
        if "signs" not in tasks or "detection" in tasks:
            return measure_dataset(pipeline_of(network, size, tasks), dataset).metrics
        # without detection, signs can be read from crops alone
        read = pipeline_of(network, size, {"detection", "signs"})
        seen = pipeline_of(network, size, tasks - {"signs"})
        found = measure_dataset(read, replace(dataset, samples=()), ["signs"]).metrics
        return measure_dataset(seen, replace(dataset, crops=())).metrics | found
    finally:
        network.train(training)


def records(network: Network, size: Size, stills: Iterable[Still]) -> list[FrameRecord]:
    """What labelled pictures of any format say of a network. Those that cannot be read are left out."""
    tasks = set(network.heads)
    training = network.training
    network.eval()
    observer = Observer(pipeline_of(network, size, tasks if "detection" in tasks else tasks - {"signs"}))
    try:
        return [said for seq, still in enumerate(stills) if (said := _record(seq, still, observer))]
    finally:
        network.train(training)


def _record(seq: int, still: Still, observer: Observer) -> FrameRecord | None:
    try:
        return compared(*still.read(seq), observer, detail=False)
    except DataError as error:
        print(f"left out: {error}", file=sys.stderr)
        return None


def scores(metrics: Mapping[str, float], patterns: Mapping[str, Sequence[str]] = SCORES) -> dict[str, float]:
    """Task -> its score, of the tasks that `metrics` tell of."""
    found = {}
    for task, choices in patterns.items():
        for pattern in choices:
            alike = [name for name in metrics if name.count(".") == pattern.count(".")]
            known = [metrics[name] for name in alike if fnmatch(name, pattern)]
            if known and task not in found:
                found[task] = sum(known) / len(known)
    return found
