"""The thresholds of a bundle and the overlap limit of its boxes, chosen on labelled pictures.

    python -m tools.thresholds BUNDLE --data DIR [--split val] [--rendered synthetic:SEED:FRAMES] [--write]

Of each class the score threshold with the best F1 at IoU 0.5 over all sets that label it; a class with too
few objects to choose by takes the best one on rendered scenes, if `--rendered` names any with enough, or the
median of the others. Signs that are read have the one with the best F1 of being found and read, because the
reader rejects most of what is none; among equals the highest. Of the limits of non-maximum suppression the
one with the best mean AP50; among equals, to a tenth of a point, the highest, which swallows the fewest
neighbours in a crowd. Of the thresholds of the sign reader the one with the best F1 of readings, were there
as many things that are none of the known classes as signs, among those that read at most COST fewer of the
signs than the lowest one. Of the drivable area the threshold with the best mean IoU of the sets, so that a
small set of nights counts as much as a large one of days. `--write` puts them into the bundle's model.json.
Those of a bundle for commercial use are chosen on pictures that allow it only; a reader for which there are
none keeps its threshold.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from perception import bundle
from perception.errors import DataError
from perception.evaluation.observe import Observer, with_settings
from perception.labels.folder import Dataset, Sample, read_folder
from perception.labels.outside import outside
from perception.labels.own import Crop
from perception.labels.rows import read_image
from perception.labels.signs import SignCrop
from perception.labels.synthetic import Worlds, asked
from perception.labels.vocabulary import SIGN
from perception.load import load
from perception.tasks import lanes
from perception.tasks.detection.metric import AveragePrecision, average_precision
from perception.tasks.drivable.metric import DrivableArea
from perception.tasks.evidence import Ranked
from perception.tasks.signs.metric import SignsRead
from perception.training.data.licences import is_open
from perception.types import Frame, Scene

LIMITS = (0.35, 0.4, 0.45, 0.5, 0.55)
SCORES = np.arange(0.36, 0.601, 0.02)  # below, a class seldom labelled would flicker on every other frame
ENOUGH = 30  # objects to choose by
READINGS = np.arange(0.2, 0.901, 0.05)  # thresholds of the sign reader
AREAS = np.arange(0.3, 0.751, 0.05)  # thresholds of the drivable area
COST = 0.01  # share of the known signs that a higher threshold may leave unread


class BestScore(AveragePrecision):
    """Beside average precision, the threshold with the best F1 for each class."""

    def chosen(self) -> dict[str, tuple[float, float, int]]:
        """Class -> (threshold, its F1, objects); NaN for the F1 of a threshold that was not chosen by it."""
        answers = self._answers()
        best = {name: _best(a) for name, a in answers.items() if a.objects >= ENOUGH}
        if not best:
            raise DataError(
                f"expected a class with {ENOUGH} objects or more to choose by, got none: use more pictures"
            )
        median = round(float(np.median([score for score, _ in best.values()])), 2)
        return {name: (*best.get(name, (median, math.nan)), a.objects) for name, a in answers.items()}

    def mean_ap50(self) -> float:
        enough = [a for a in self._answers().values() if a.objects >= ENOUGH]
        return float(np.mean([average_precision(a)[0] for a in enough]))

    def _answers(self) -> dict[str, Ranked]:
        return {name: said for name, said in self.evidence().items() if isinstance(said, Ranked)}


def _best(answers: Ranked) -> tuple[float, float]:
    """The threshold with the best F1, and that."""
    right, counts = answers.right[0], answers.counts[0]
    found = [(answers.score >= s) & counts for s in SCORES]
    f1 = [2 * (right & f).sum() / max(1, f.sum() + answers.objects) for f in found]
    best = int(np.argmax(f1))
    return round(float(SCORES[best]), 2), float(f1[best])


def choose(folder: Path, pictures: Path, split: str) -> tuple[float, Mapping[str, tuple[float, float, int]]]:
    """The best overlap limit, and with it each class's best threshold."""
    pipeline = load(folder, tasks=["detection"], threads=1)
    (task,) = pipeline.tasks
    low = dict.fromkeys(task.classes, 0.01)
    tasks = {limit: with_settings(task, threshold=low, max_objects=300, nms_iou=limit) for limit in LIMITS}
    metrics = {limit: BestScore(task.classes) for limit in LIMITS}
    for number, sample in enumerate(allowed(folder, pictures, split).samples):
        if sample.boxes is None:
            continue
        frame = Frame(read_image(sample.image), 0, number)
        truth = Scene(number, 0, frame.size, sample.boxes.detections(task.classes, frame.size))
        pipelines = {limit: pipeline.with_tasks([tasks[limit]]) for limit in LIMITS}
        for limit, see in pipelines.items():
            metrics[limit].update(truth, see(frame))
    best = max(LIMITS, key=lambda limit: (round(metrics[limit].mean_ap50(), 3), limit))
    for limit in LIMITS:
        print(f"nms_iou {limit}: mean AP50 {metrics[limit].mean_ap50():.4f}")
    return best, metrics[best].chosen()


def worlds(text: str) -> Worlds:
    """Raises DataError."""
    found = Worlds.parse(text)
    if found is None:
        raise DataError(f"--rendered: expected synthetic:SEED[:FRAMES], got {text!r}")
    return found


def rendered(folder: Path, scenes: Worlds, limit: float) -> Mapping[str, tuple[float, float, int]]:
    """Each class's best threshold on rendered scenes. `limit`: of overlap."""
    pipeline = load(folder, tasks=["detection"], threads=1)
    (task,) = pipeline.tasks
    low = dict.fromkeys(task.classes, 0.01)
    see = pipeline.with_tasks([with_settings(task, threshold=low, max_objects=300, nms_iou=limit)])
    metric = BestScore(task.classes)
    for k in range(scenes.frames):
        made = scenes.render(k)
        metric.update(asked(made, task.classes), see(made.frame))
    return metric.chosen()


def completed(
    chosen: Mapping[str, tuple[float, float, int]], others: Mapping[str, tuple[float, float, int]]
) -> dict[str, tuple[float, float, int]]:
    """What was chosen; of classes with too few objects what `others` say, if these have enough."""
    few = [name for name, (_, _, n) in chosen.items() if n < ENOUGH]
    return {**chosen, **{name: others[name] for name in few if name in others and others[name][2] >= ENOUGH}}


def found_and_read(
    folder: Path, pictures: Path, split: str, limit: float, reading: float
) -> dict[float, float]:
    """Threshold of the signs' boxes -> F1 of signs that are found and read; empty where none are read.

    `limit`: of overlap; `reading`: the reader's threshold.
    """
    if "signs" not in bundle.read(folder).tasks:
        return {}
    pipeline = load(folder, tasks=["detection", "signs"], threads=1)
    boxes, reader = pipeline.tasks
    others = dict.fromkeys(boxes.classes, 0.9)
    reading_it = with_settings(reader, threshold=reading)
    pipelines, metrics = {}, {}
    for score in (round(float(score), 2) for score in SCORES):
        found = with_settings(boxes, threshold={**others, SIGN: score}, nms_iou=limit)
        pipelines[score], metrics[score] = pipeline.with_tasks([found, reading_it]), SignsRead()
    dataset = allowed(folder, pictures, split)
    for number, sample in enumerate(dataset.samples):
        if sample.boxes is None or sample.boxes.set not in dataset.reads:
            continue
        frame = Frame(read_image(sample.image), 0, number)
        truth = Scene(number, 0, frame.size, signs=sample.boxes.signs(reader.classes))
        for score, see in pipelines.items():
            metrics[score].update(truth, see(frame))
    return {score: metric.result().get("read_f1", 0.0) for score, metric in metrics.items()}


def areas(folder: Path, pictures: Path, split: str) -> dict[float, float]:
    """Threshold of the drivable area -> mean IoU of the sets; empty where it is not found or not labelled."""
    if "drivable" not in bundle.read(folder).tasks:
        return {}
    pipeline = load(folder, tasks=["drivable"], threads=1)
    (task,) = pipeline.tasks
    thresholds = [round(float(threshold), 2) for threshold in AREAS]
    others = [pipeline.with_tasks([with_settings(task, threshold=threshold)]) for threshold in thresholds]
    metrics: defaultdict[str, list[DrivableArea]] = defaultdict(lambda: [DrivableArea() for _ in AREAS])
    for number, sample in enumerate(allowed(folder, pictures, split).samples):
        if sample.mask is None:
            continue
        frame = Frame(read_image(sample.image), 0, number)
        truth = Scene(number, 0, frame.size, drivable=sample.mask.drivable())
        for see, metric in zip(others, metrics[sample.mask.set], strict=True):
            metric.update(truth, see(frame))
    ious = [[metric.result()["iou"] for metric in own] for own in metrics.values()]
    return dict(zip(thresholds, np.mean(ious, axis=0).tolist(), strict=True)) if ious else {}


def allowed(folder: Path, pictures: Path, split: str) -> Dataset:
    """The pictures on which the thresholds of a bundle may be chosen."""
    dataset = read_folder(pictures, split, lanes.CLASSES)
    if not bundle.read(folder).info.get(bundle.LEDGER_INFO, {}).get("commercial"):
        return dataset

    def may(item: Sample | SignCrop) -> bool:
        return is_open(item.image.relative_to(pictures).as_posix())

    samples, crops = tuple(filter(may, dataset.samples)), tuple(filter(may, dataset.crops))
    return replace(dataset, samples=samples, crops=crops)


@dataclass(frozen=True)
class Reading:
    """What a threshold of the sign reader does."""

    threshold: float
    known_read: float  # share of known signs that are read right
    false_reads: float  # share of other things that are read at all

    @property
    def f1(self) -> float:
        """Of readings, were there as many other things as signs; a sign read wrong is missed."""
        return 2 * self.known_read / (self.known_read + self.false_reads + 1)


def readings(folder: Path, pictures: Path, split: str) -> list[Reading]:
    """The curve of the sign reader of a bundle; empty if it reads none, or there are no sign crops."""
    if "signs" not in bundle.read(folder).tasks:
        return []
    observer = Observer(load(folder, tasks=["detection", "signs"], threads=1))
    dataset = allowed(folder, pictures, split)
    rows = []
    for number, still in enumerate([*map(Crop, dataset.crops), *outside(dataset)]):
        frame, truth = still.read(number)
        assert truth.crop is not None
        signs = observer.look(frame, truth.crop)[0].signs
        assert signs is not None
        true, known = truth.crop.signs(observer.sign_classes), not truth.crop.outside
        rows.append((signs.score[0], known, known and signs.class_id[0] == true.class_id[0]))
    if not rows:
        return []
    return curve(*(np.array(column) for column in zip(*rows, strict=True)))


def curve(score: np.ndarray, known: np.ndarray, right: np.ndarray) -> list[Reading]:
    """Scores (n,) of answers, whether each is about a known sign, and whether it is right."""
    return [
        Reading(
            round(float(t), 2),
            float((right & (score >= t)).sum() / known.sum()),
            float((~known & (score >= t)).sum() / max(1, (~known).sum())),
        )
        for t in READINGS
    ]


def best_reading(found: Sequence[Reading]) -> Reading:
    """The best F1 of those that leave few signs unread."""
    most = max(reading.known_read for reading in found)
    return max((r for r in found if r.known_read >= most - COST), key=lambda r: r.f1)


def best_found(f1: Mapping[float, float]) -> float:
    """The threshold with the best F1, to a tenth of a point; among equals the highest."""
    return max(f1, key=lambda score: (round(f1[score], 3), score))


def main() -> None:
    parser = argparse.ArgumentParser(description="Choose the thresholds of a bundle.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--rendered", help="scenes for classes with too few objects in --data")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    scenes = None if given.rendered is None else worlds(given.rendered)
    limit, chosen = choose(given.bundle, given.data, given.split)
    if scenes is not None:
        chosen = completed(chosen, rendered(given.bundle, scenes, limit))
    for name, (score, f1, objects) in chosen.items():
        print(f"{name}: threshold {score}, F1 {f1:.3f}, {objects} objects")
    found = readings(given.bundle, given.data, given.split)
    for one in found:
        print(f"signs {one.threshold}: read right {one.known_read:.4f}, false reads {one.false_reads:.4f}")
    reader = best_reading(found).threshold if found else None
    signs = {} if reader is None else found_and_read(given.bundle, given.data, given.split, limit, reader)
    for score, f1 in signs.items():
        print(f"signs found from {score} on: F1 of found and read {f1:.3f}")
    iou = areas(given.bundle, given.data, given.split)
    for threshold, value in iou.items():
        print(f"drivable {threshold}: mean IoU {value:.4f}")
    if given.write:
        spec = bundle.read(given.bundle)
        task = spec.tasks["detection"]
        scores = {name: score for name, (score, _, _) in chosen.items()}
        if signs:
            scores[SIGN] = best_found(signs)
        task = replace(task, settings={**task.settings, "threshold": scores, "nms_iou": limit})
        tasks = {**spec.tasks, "detection": task}
        if reader is not None:
            read = spec.tasks["signs"]
            tasks["signs"] = replace(read, settings={**read.settings, "threshold": reader})
        if iou:
            area = spec.tasks["drivable"]
            best = max(iou, key=lambda threshold: iou[threshold])
            tasks["drivable"] = replace(area, settings={**area.settings, "threshold": best})
        bundle.write(given.bundle, replace(spec, tasks=tasks))


if __name__ == "__main__":
    main()
