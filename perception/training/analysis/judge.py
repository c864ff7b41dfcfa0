"""A network in training, measured by the same metrics as a bundle, and one score a task."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from perception.backends.eager import EagerBackend
from perception.evaluation.measure import measure_dataset
from perception.labels.folder import read_folder
from perception.model.network import Network, normalise
from perception.model.specs import task_spec
from perception.pipeline import Pipeline
from perception.preprocess.cpu import CpuPreprocess
from perception.tasks import TASKS, lanes
from perception.types import Size

CROP: Size = (64, 64)
SCORES = {name: task.about.score.metrics for name, task in TASKS.items()}


def pipeline_of(network: Network, size: Size, tasks: Collection[str]) -> Pipeline:
    """The pipeline of a network in evaluation mode, with `tasks`."""
    frames = EagerBackend(lambda images: network(normalise(images)), size)
    crops = EagerBackend(lambda images: network.crops(normalise(images)), CROP)
    own = {"signs": crops}
    ready = [TASKS[name](task_spec(name), own.get(name)) for name in TASKS if name in tasks]
    return Pipeline(frames, CpuPreprocess(), ready)


def judge(network: Network, size: Size, data: Path, limit: int | None = None) -> dict[str, float]:
    """Metrics by name on the val split of `data`, at most `limit` pictures of each kind. Raises DataError."""
    dataset = read_folder(data, "val", lanes.CLASSES).thinned(limit)
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


def scores(metrics: Mapping[str, float]) -> dict[str, float]:
    """Task -> its score, of the tasks that `metrics` tell of."""
    found = {}
    for task, pattern in SCORES.items():
        alike = [name for name in metrics if name.count(".") == pattern.count(".")]
        known = [metrics[name] for name in alike if fnmatch(name, pattern)]
        if known:
            found[task] = sum(known) / len(known)
    return found
