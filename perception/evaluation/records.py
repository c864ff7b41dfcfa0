"""What each frame said, and the metrics of any choice of frames.

A folder of records is three Parquet files that any tool can query; docs/metrics.md describes their columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from perception.evaluation import tables
from perception.labels.own import CONDITION
from perception.tasks.evidence import (
    FORMULAS,
    Counts,
    Evidence,
    Gathered,
    Metrics,
    Ranked,
    joined,
    known,
    precisions,
    split,
    weighted,
)

POOLED = "synthetic."  # of these, all classes are also ranked together
ALL = "detection.all"  # the objects of all sets
TRUTH = {  # kind -> where in `values` the truths are counted; of an IoU, what it is a share of
    **{kind: found_and_missed for kind, (_, _, *found_and_missed) in tables.COLUMNS.items()},
    "iou": [1],
}


@dataclass(frozen=True, eq=False)
class FrameRecord:
    """All that one frame said."""

    drive: str  # name of the drive or the part of a data set
    seq: int
    stamp_ns: int
    source: str  # image file, topic
    tags: tuple[str, ...]  # "set:camvid", "weather:rainy", "timeofday:night"
    evidence: Mapping[str, Evidence]  # by name, see perception.tasks.evidence
    timing_ms: Mapping[str, float] = field(default_factory=dict)  # stage -> ms
    # Which -> task -> 0..1, of whole frames where the stage ran; not saved.
    confidence: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def metrics(records: Sequence[FrameRecord]) -> dict[str, float]:
    """Every metric by its full name (docs/metrics.md); what nothing is known of is left out."""
    return known(resampled(records, np.ones((1, len(records)))))


def count(records: Iterable[FrameRecord]) -> Counter[str]:
    """How many frames stand behind `lanes.drawn`, `detection.town`, `detection.all` and so on."""
    counts: Counter[str] = Counter()
    for record in records:
        names = {".".join(key.partition("/")[0].split(".")[:2]) for key in record.evidence}
        own = [tag.removeprefix(CONDITION) for tag in record.tags if tag.startswith(CONDITION)]
        names |= {f"{name}.{condition}" for name in names for condition in own}
        counts.update(names | {ALL for name in names if name.startswith("detection.")})
    return counts


def resampled(records: Sequence[FrameRecord], weights: np.ndarray) -> Metrics:
    """Every metric if each frame counted so often: weights (B, F) to (B,) float64 each, NaN where unknown.

    The first row of `weights` is all frames, the others are draws.
    """
    weights = np.ascontiguousarray(weights, np.float64)
    if weights.ndim != 2 or weights.shape[1] != len(records):
        raise ValueError(f"expected weights (B, {len(records)}), got {weights.shape}")
    gathered = gather(record.evidence for record in records)
    found = bootstrapped(gathered, weights)
    found |= _pooled(gathered, weights)
    signs = [name.removesuffix(".sign") for name in gathered if name.endswith(".sign")]
    return dict(sorted((found | sign_aliases(found, signs)).items()))


def bootstrapped(gathered: Gathered, weights: np.ndarray) -> Metrics:
    """`weighted`; of the rows behind the first, the draws, one without any truth says nothing.

    Of all frames together, answers where there is nothing to find are false ones.
    """
    found = weighted(gathered, weights)
    for key, said in gathered.items():
        counts = [(frame, part) for frame, part in said if isinstance(part, Counts) and part.kind in TRUTH]
        if not counts:
            continue
        name, ending = split(key)
        kind = counts[0][1].kind
        truths = weights[:, [f for f, _ in counts]] @ [part.values[TRUTH[kind]].sum() for _, part in counts]
        empty = (truths == 0) & (np.arange(len(weights)) > 0)
        for metric in FORMULAS[kind].names:
            own = joined(name, metric + ending)
            found[own] = np.where(empty, np.nan, found[own])
    return found


def gather(evidence: Iterable[Mapping[str, Evidence]]) -> Gathered:
    """Name -> (frame, evidence) of those that have it; `detection.all` gets the boxes of all sets."""
    gathered: dict[str, list[tuple[int, Evidence]]] = {}
    for frame, said in enumerate(evidence):
        for name, part in said.items():
            gathered.setdefault(name, []).append((frame, part))
            if isinstance(part, Ranked) and name.startswith("detection.") and name.count(".") == 2:
                of_all = ".".join([ALL, *name.split(".")[2:]])
                gathered.setdefault(of_all, []).append((frame, part))
    return gathered


def sign_aliases(found: Mapping[str, np.ndarray], sets: Iterable[str]) -> Metrics:
    """`<set>.sign.ap50` beside `<set>.sign.read_f1`: found, and found and read."""
    pairs = {f"{name}.sign.ap50": f"detection.{name}.traffic_sign.ap50" for name in sets}
    return {to: found[name] for to, name in pairs.items() if name in found}


def _pooled(gathered: Gathered, weights: np.ndarray) -> Metrics:
    """AP at IoU 0.5 of all classes as if they were one, so that each object counts the same."""
    sets: dict[str, list[tuple[int, Evidence]]] = {}
    for name, said in gathered.items():
        objects = sum(part.objects for _, part in said if isinstance(part, Ranked))
        if name.startswith(POOLED) and "/" not in name and objects:
            sets.setdefault(name.rpartition(".")[0], []).extend(said)
    return {f"{name}.pooled.ap50": _ap50(said, weights) for name, said in sets.items()}


def _ap50(said: Sequence[tuple[int, Evidence]], weights: np.ndarray) -> np.ndarray:
    return precisions([part for _, part in said], np.array([frame for frame, _ in said]), weights)[:, 0]


def save(records: Sequence[FrameRecord], folder: Path) -> None:
    """`frames.parquet`, `counts.parquet` and `boxes.parquet`; equal records give equal bytes.

    Raises SinkError, and PerceptionError if pyarrow is not installed.
    """
    frames = [
        {
            "drive": r.drive,
            "seq": r.seq,
            "stamp_ns": r.stamp_ns,
            "source": r.source,
            "tags": list(r.tags),
            "timing_ms": sorted(r.timing_ms.items()),
        }
        for r in records
    ]
    tables.write(folder, frames, [record.evidence for record in records])


def load_records(folder: Path) -> list[FrameRecord]:
    """What `save` wrote. Raises DataError, and PerceptionError if pyarrow is not installed."""
    return [
        FrameRecord(
            row["drive"],
            row["seq"],
            row["stamp_ns"],
            row["source"],
            tuple(row["tags"]),
            evidence,
            dict(row["timing_ms"]),
        )
        for row, evidence in tables.read(folder)
    ]
