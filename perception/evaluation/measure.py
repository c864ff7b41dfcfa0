"""From a pipeline and labelled pictures to metrics, one picture at a time. docs/metrics.md defines each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perception.evaluation.judge import PARTS, seen_in
from perception.evaluation.observe import Observer, See
from perception.evaluation.records import FrameRecord, count, metrics
from perception.labels.folder import Dataset, read_folder
from perception.labels.outside import outside
from perception.labels.own import Crop, blanks, pictures
from perception.tasks import lanes

__all__ = ["PARTS", "Progress", "Report", "evaluate", "measure_dataset", "report", "unwatched"]

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
    dataset = read_folder(data_dir, split, lanes.CLASSES).thinned(limit)
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
    observer = Observer(pipeline)
    names = tuple(part for part in PARTS if part in parts)
    stills = [*pictures(dataset, names), *blanks(dataset, names)]
    records = seen_in(progress(stills, "pictures"), observer, names)
    if "signs" in parts and observer.reader is not None and dataset.crops:
        crops = [*(Crop(crop) for crop in dataset.crops), *outside(dataset)]
        records += seen_in(progress(crops, "sign crops"), observer, names)
    return report(records, dataset.reads)


def report(records: Sequence[FrameRecord], reads: Iterable[str] = ()) -> Report:
    """Metrics of all records; `reads`: sets whose boxes of signs carry the sign's class."""
    found = metrics(records)
    pairs = {f"{name}.sign.ap50": f"detection.{name}.traffic_sign.ap50" for name in reads}
    found |= {to: found[name] for to, name in pairs.items() if name in found}
    return Report(dict(sorted(found.items())), dict(count(records)))
