"""The detection thresholds and the overlap limit of a bundle, chosen on labelled pictures.

    python -m tools.thresholds BUNDLE --data DIR [--split val] [--write]

Of each class the score threshold with the best F1 at IoU 0.5 over all sets that label it; a class with too
few objects to choose by takes the median of the others. Of the limits of non-maximum suppression the one with
the best mean AP50; among equals, to a tenth of a point, the highest, which swallows the fewest neighbours in
a crowd. `--write` puts them into the bundle's model.json.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from perception import bundle
from perception.errors import DataError
from perception.evaluation import data
from perception.evaluation.observe import with_settings
from perception.load import load
from perception.tasks import lanes
from perception.tasks.detection.metric import AveragePrecision, average_precision
from perception.tasks.evidence import Ranked
from perception.types import Frame, Scene

LIMITS = (0.35, 0.4, 0.45, 0.5, 0.55)
SCORES = np.arange(0.36, 0.601, 0.02)  # below, a class seldom labelled would flicker on every other frame
ENOUGH = 30  # objects to choose by


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
    for number, sample in enumerate(data.read(pictures, split, lanes.CLASSES).samples):
        if sample.boxes is None:
            continue
        frame = Frame(data.read_image(sample.image), 0, number)
        truth = Scene(number, 0, frame.size, sample.boxes.detections(task.classes, frame.size))
        pipelines = {limit: pipeline.derived([tasks[limit]]) for limit in LIMITS}
        for limit, see in pipelines.items():
            metrics[limit].update(truth, see(frame))
    best = max(LIMITS, key=lambda limit: (round(metrics[limit].mean_ap50(), 3), limit))
    for limit in LIMITS:
        print(f"nms_iou {limit}: mean AP50 {metrics[limit].mean_ap50():.4f}")
    return best, metrics[best].chosen()


def main() -> None:
    parser = argparse.ArgumentParser(description="Choose the detection thresholds of a bundle.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    limit, chosen = choose(given.bundle, given.data, given.split)
    for name, (score, f1, objects) in chosen.items():
        print(f"{name}: threshold {score}, F1 {f1:.3f}, {objects} objects")
    if given.write:
        spec = bundle.read(given.bundle)
        task = spec.tasks["detection"]
        scores = {name: score for name, (score, _, _) in chosen.items()}
        task = replace(task, settings={**task.settings, "threshold": scores, "nms_iou": limit})
        bundle.write(given.bundle, replace(spec, tasks={**spec.tasks, "detection": task}))


if __name__ == "__main__":
    main()
