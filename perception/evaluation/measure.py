"""From a pipeline and labelled pictures to figures, one picture at a time. docs/metrics.md defines each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from perception.errors import DataError
from perception.evaluation import data
from perception.evaluation.data import BoxLabels, Dataset, MaskLabels, Sample, SignCrop
from perception.evaluation.observe import CropReader, Observer, See
from perception.tasks import lanes, signs
from perception.tasks.detection.metric import AveragePrecision, ObjectsFound
from perception.tasks.drivable.metric import DrivableArea
from perception.tasks.lanes.metric import DrawnLines, PaintedLines
from perception.tasks.signs.metric import SignClasses, SignsRead
from perception.types import Frame, Scene

PARTS = ("drivable", "lanes", "detection", "signs")

M = TypeVar("M")
Progress = Callable[[Sequence[Any], str], Iterable[Any]]  # items and what they are, to the same items


def unwatched(items: Sequence[Any], what: str) -> Iterable[Any]:
    """No progress shown."""
    return items


@dataclass(frozen=True)
class Report:
    """Metrics by name, and how many pictures stand behind them.

    All are fractions from 0 to 1; only a `median_m` is metres.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    pictures: dict[str, int] = field(default_factory=dict)


def evaluate(
    pipeline: See,
    data_dir: str | Path,
    split: str,
    parts: Sequence[str] = PARTS,
    limit: int | None = None,
) -> dict[str, float]:
    """The metrics of `measure_dataset` by name, for one split of a data folder.

    `pipeline`: frame to scene; a task that did not run (its field is None) is left out. `limit`: at most so
    many pictures of each kind, evenly spaced. Raises DataError.
    """
    dataset = data.read(data_dir, split, lanes.CLASSES).thinned(limit)
    return measure_dataset(pipeline, dataset, parts).metrics


def measure_dataset(
    pipeline: See,
    dataset: Dataset,
    parts: Sequence[str] = PARTS,
    progress: Progress = unwatched,
) -> Report:
    """See every picture of `dataset` once and compare with its labels. Raises DataError."""
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise ValueError(f"expected parts of {PARTS}, got {unknown}")
    board = _Board(Observer(pipeline), dataset.reads, frozenset(parts))
    samples = [sample for sample in dataset.samples if board.wants(sample)]
    for number, sample in enumerate(progress(samples, "pictures")):
        board.see(sample, number)
    metrics, pictures = board.result(), board.pictures
    reader = CropReader.of(pipeline)
    if "signs" in parts and reader is not None and dataset.crops:
        metrics.update(_read_crops(reader, progress(dataset.crops, "sign crops")))
        pictures["signs"] = len(dataset.crops)
    return Report(_with_aliases(metrics, dataset.reads), dict(pictures))


class _Board:
    """A metric for each name, made when its first picture comes."""

    def __init__(self, observer: Observer, reads: frozenset[str], parts: frozenset[str]) -> None:
        self._observer = observer
        self._reads = reads
        self._parts = parts
        self._metrics: dict[tuple[str, type], Any] = {}
        self.pictures: Counter[str] = Counter()

    def wants(self, sample: Sample) -> bool:
        """Does a part that was asked for say something about this picture?"""
        lined = sample.lines is not None or (sample.mask is not None and sample.mask.paint is not None)
        return (
            (sample.boxes is not None and "detection" in self._parts)
            or (sample.mask is not None and "drivable" in self._parts)
            or (lined and "lanes" in self._parts)
            or self._readable(sample.boxes)
        )

    def see(self, sample: Sample, number: int) -> None:
        frame = Frame(data.read_image(sample.image), 0, number, str(sample.image))
        if sample.boxes is not None and sample.boxes.size != frame.size:
            raise DataError(
                f"{sample.image}: expected a picture of {sample.boxes.size}, got {frame.size}. Copy it again"
            )
        seen, unsure = self._observer(frame)
        if "drivable" in self._parts and sample.mask is not None and seen.drivable is not None:
            self._drivable(sample.mask, seen)
        if "lanes" in self._parts and seen.lanes is not None:
            self._lanes(sample, seen)
        if "detection" in self._parts and sample.boxes is not None and seen.detections is not None:
            self._boxes(sample.boxes, seen, unsure)
        if sample.boxes is not None and seen.signs is not None and self._readable(sample.boxes):
            self._signs(sample.boxes, seen)

    def result(self) -> dict[str, float]:
        return {
            f"{prefix}.{name}": value
            for (prefix, _), metric in self._metrics.items()
            for name, value in metric.result().items()
        }

    def _readable(self, boxes: BoxLabels | None) -> bool:
        return "signs" in self._parts and boxes is not None and boxes.set in self._reads

    def _drivable(self, mask: MaskLabels, seen: Scene) -> None:
        truth = replace(_empty(seen), drivable=mask.drivable())
        self._metric(f"drivable.{mask.set}", DrivableArea).update(truth, seen)

    def _lanes(self, sample: Sample, seen: Scene) -> None:
        if sample.lines is not None:
            self._metric("lanes.drawn", DrawnLines).update(replace(_empty(seen), lanes=sample.lines), seen)
        paint = sample.mask.lanes() if sample.mask is not None else None
        if sample.mask is not None and paint is not None:
            self._metric(f"lanes.{sample.mask.set}", PaintedLines).update(paint, seen)

    def _boxes(self, boxes: BoxLabels, seen: Scene, unsure: Scene) -> None:
        classes = self._observer.classes
        truth = replace(_empty(seen), detections=boxes.detections(classes, seen.size))
        for prefix in (f"detection.{boxes.set}", "detection.all"):
            self._metric(prefix, AveragePrecision, classes).update(truth, unsure)
        self._metric(f"detection.{boxes.set}", ObjectsFound, classes).update(truth, seen)

    def _signs(self, boxes: BoxLabels, seen: Scene) -> None:
        truth = replace(_empty(seen), signs=boxes.signs(len(signs.CLASSES)))
        self._metric(f"{boxes.set}.sign", SignsRead).update(truth, seen)

    def _metric(self, prefix: str, kind: type[M], *arguments: object) -> M:
        """The metric of that kind under that name; it is about to hear of one more picture."""
        self.pictures[prefix] += kind is not ObjectsFound  # its pictures are those of AveragePrecision
        return cast(M, self._metrics.setdefault((prefix, kind), kind(*arguments)))


def _empty(seen: Scene) -> Scene:
    """Truth to be filled in for the picture of `seen`."""
    return Scene(seen.seq, seen.stamp_ns, seen.size)


def _read_crops(reader: CropReader, crops: Iterable[SignCrop]) -> Mapping[str, float]:
    metric = SignClasses(len(reader.classes))
    for number, crop in enumerate(crops):
        seen = reader(Frame(data.read_image(crop.image), 0, number, str(crop.image)), crop.xyxy)
        metric.update(replace(_empty(seen), signs=crop.signs(len(reader.classes))), seen)
    return {f"signs.{name}": value for name, value in metric.result().items()}


def _with_aliases(metrics: dict[str, float], reads: Iterable[str]) -> dict[str, float]:
    """`<set>.sign.ap50` beside `<set>.sign.read_f1`: found, and found and read."""
    pairs = {f"{name}.sign.ap50": f"detection.{name}.traffic_sign.ap50" for name in reads}
    return dict(sorted((metrics | {to: metrics[key] for to, key in pairs.items() if key in metrics}).items()))
