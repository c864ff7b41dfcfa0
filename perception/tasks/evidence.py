"""What one frame says about a metric, in a form that adds up.

A metric is a sum over frames and a formula of the sum. Kept frame by frame, the same evidence gives the
metric of a drive, of a scene tag, of any choice of frames, and, resampled, its confidence interval.

Evidence has a name, that of its metrics without the last part: `lanes.drawn` for `lanes.drawn.f1`. What
stands behind a slash tells evidence of one name apart; from its first underscore on it ends the names of the
metrics: `detection.town.person/found_small` gives `detection.town.person.f1_small`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from perception.tasks.over_time import clear_rates, flicker_rates, hota_rates, identity_rates
from perception.tasks.ranking import average_precision, weighted_medians
from perception.tasks.ratio import ratio

BINS = 15  # of a score, from 0 to 1, for the calibration error
OPEN_BINS = 160  # of its log-odds from -6 to 10: where readers are sure, scores differ far behind the point


@dataclass(frozen=True, eq=False)
class Counts:
    """Numbers that add up; `kind` names the formula of the sum, a key of `FORMULAS`."""

    kind: str
    values: np.ndarray  # (k,) float64, what they are: see the formula


@dataclass(frozen=True, eq=False)
class Ranked:
    """Boxes of one class by score, for average precision."""

    objects: int  # how many there were to find
    score: np.ndarray  # (n,) float32
    right: np.ndarray  # (10, n) bool, one row for each IoU of THRESHOLDS: in an object or a region
    counts: np.ndarray  # (10, n) bool: not in a region that is not judged


@dataclass(frozen=True, eq=False)
class Distances:
    """Numbers of which the median is the metric; `kind`: a key of MEDIANS."""

    values: np.ndarray  # (n,) float64
    kind: str = "median"


MEDIANS = {  # kind -> metric, whose name tells the unit: metres, fractions, m/s, seconds, pixels
    "median": "median_m",
    "relative": "median_rel",
    "speeds": "median_mps",
    "delays": "delay_s",
    "warnings": "warning_s",
    "jitter": "jitter_px",
}
Evidence = Counts | Ranked | Distances
Metrics = dict[str, np.ndarray]  # name -> (...) float64; NaN where nothing is known
Gathered = Mapping[str, Sequence[tuple[int, Evidence]]]  # name -> (frame, what it said), in order


@dataclass(frozen=True)
class Formula:
    """Metrics of sums."""

    names: tuple[str, ...]
    of: Callable[[np.ndarray], Sequence[np.ndarray]]  # sums (..., k) to one (...) a name


def hit_rates(sums: np.ndarray) -> list[np.ndarray]:
    """Right and false answers, found and missed truths to precision, recall, F1; nothing of nothing is 0."""
    right, false, found, missed = np.moveaxis(sums, -1, 0)
    precision, recall = ratio(right, right + false), ratio(found, found + missed)
    return [precision, recall, ratio(2 * precision * recall, precision + recall)]


def object_rates(sums: np.ndarray) -> list[np.ndarray]:
    """The same, and nothing is known where there was nothing to find."""
    known = sums[..., 2] + sums[..., 3] > 0
    return [np.where(known, rate, np.nan) for rate in hit_rates(sums)]


def line_rates(sums: np.ndarray) -> list[np.ndarray]:
    """True positives, false positives and false negatives to precision, recall, F1."""
    return hit_rates(sums[..., [0, 1, 0, 2]])


def class_rates(sums: np.ndarray) -> list[np.ndarray]:
    """Right answers of each class, then all of each class, to the share of right ones and the mean recall."""
    right, total = np.moveaxis(sums.reshape(*sums.shape[:-1], 2, -1), -2, 0)
    present = (total > 0).sum(-1)
    recall = ratio(right, total).sum(-1)
    return [ratio(right.sum(-1), total.sum(-1), np.nan), ratio(recall, present, np.nan)]


def calibration_error(sums: np.ndarray) -> list[np.ndarray]:
    """(..., BINS * 3): answers, sum of their scores, right ones of each bin.

    The mean over the answers of |mean score - share of right ones| of their bin (Guo et al. 2017, eq. 3).
    """
    answers, score, right = np.moveaxis(sums.reshape(*sums.shape[:-1], BINS, 3), -1, 0)
    return [ratio(np.abs(score - right).sum(-1), answers.sum(-1), np.nan)]


def share_of_last(sums: np.ndarray) -> list[np.ndarray]:
    """All sums divided by the last: pixels by the area, things by the frames."""
    return [ratio(sums[..., i], sums[..., -1], np.nan) for i in range(sums.shape[-1] - 1)]


def open_bin(score: float) -> int:
    """The place of a score 0..1 among OPEN_BINS."""
    odds = np.log(max(score, 1e-9)) - np.log(max(1 - score, 1e-9))
    return int(np.clip((odds + 6) / 16 * OPEN_BINS, 0, OPEN_BINS - 1))


def open_rates(sums: np.ndarray) -> list[np.ndarray]:
    """Of known and of other things: how many in each bin of the score, then all known, those read right, all
    others, those read at all.

    The area under the ROC curve is the chance that a known one scores higher than another, an equal score
    (one bin) counting half (Fawcett 2006); then the shares of others read and of known ones read right.
    """
    known, other = sums[..., :OPEN_BINS], sums[..., OPEN_BINS : 2 * OPEN_BINS]
    below = np.cumsum(other, -1) - other / 2
    signs, right, others, said = np.moveaxis(sums[..., -4:], -1, 0)
    area = ratio((known * below).sum(-1), signs * others, np.nan)
    return [area, ratio(said, others, np.nan), ratio(right, signs, np.nan)]


RATES = ("precision", "recall", "f1")
FORMULAS: Mapping[str, Formula] = {
    "hits": Formula(RATES, hit_rates),
    "objects": Formula(RATES, object_rates),
    "read": Formula(tuple(f"read_{name}" for name in RATES), hit_rates),
    "metres": Formula(("precision_m", "recall_m"), lambda sums: hit_rates(sums)[:2]),
    "culane": Formula(tuple(f"culane_{name}" for name in RATES), line_rates),
    "iou": Formula(("iou",), lambda sums: [ratio(sums[..., 0], sums[..., 1], 1.0)]),
    "pixels": Formula(("precision", "recall"), lambda sums: hit_rates(sums)[:2]),
    "area": Formula(("drivable",), share_of_last),
    "lines": Formula(("lines",), share_of_last),
    "boxes": Formula(("vehicles", "objects"), share_of_last),
    "found": Formula(("found",), share_of_last),
    "kinds": Formula(("kind_right", "kind_wrong"), share_of_last),
    "false_lines": Formula(("false_lines",), share_of_last),
    "tusimple": Formula(
        ("accuracy", "fp", "fn"), lambda sums: [ratio(sums[..., i], sums[..., 3], np.nan) for i in range(3)]
    ),
    "classes": Formula(("top1", "macro_recall"), class_rates),
    "open": Formula(("auroc", "false_reads", "known_read"), open_rates),
    "ece": Formula(("ece",), calibration_error),
    "hota": Formula(("hota", "det_a", "ass_a", "loc_a"), hota_rates),
    "clear": Formula(("mota", "switches", "frags"), clear_rates),
    "identity": Formula(("idf1",), identity_rates),
    "flicker": Formula(("gaps", "ids_per_minute"), flicker_rates),
    "flips": Formula(("flips",), share_of_last),
}


def metrics(evidence: Mapping[str, Evidence]) -> dict[str, float]:
    """All metrics of evidence that is complete; those of which nothing is known are left out."""
    found = weighted({name: [(0, said)] for name, said in evidence.items()}, np.ones((1, 1)))
    return known(found)


def known(found: Metrics) -> dict[str, float]:
    """Metrics of a single choice of frames, without the unknown ones."""
    return {name: float(value[0]) for name, value in found.items() if not np.isnan(value[0])}


def weighted(gathered: Gathered, weights: np.ndarray) -> Metrics:
    """Every metric if each frame counted so often: weights (B, F) to (B,) each."""
    found: Metrics = {}
    ranked: dict[tuple[str, str], list[np.ndarray]] = {}
    for key, said in gathered.items():
        name, ending = split(key)
        frames = np.array([frame for frame, _ in said])
        parts = [part for _, part in said]
        if isinstance(parts[0], Counts):
            found |= _summed(name, ending, parts, weights[:, frames])
        elif isinstance(parts[0], Distances):
            found[joined(name, MEDIANS[parts[0].kind] + ending)] = _median(parts, frames, weights)
        else:
            precision = precisions(parts, frames, weights)
            found[joined(name, "ap50" + ending)] = precision[:, 0]
            ranked.setdefault((name.rpartition(".")[0], ending), []).append(precision)
    for (name, ending), tables in ranked.items():
        found |= _mean_precision(name, ending, tables)
    return found


def split(key: str) -> tuple[str, str]:
    """Name of the metrics and what their names end with: "a.b/found_small" to ("a.b", "_small")."""
    name, _, variant = key.partition("/")
    return name, "".join(variant.partition("_")[1:])


def joined(name: str, metric: str) -> str:
    return f"{name}.{metric}" if name else metric


def precisions(parts: Iterable[Evidence], frames: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average precision of the boxes of some frames, (B, 10) at each IoU; NaN without an object."""
    ranked = [part for part in parts if isinstance(part, Ranked)]
    objects = weights[:, frames] @ np.array([part.objects for part in ranked], np.float64)
    score = np.concatenate([part.score for part in ranked])
    order = np.argsort(-score, kind="stable")
    right, counts = (
        np.concatenate([getattr(p, name) for p in ranked], 1)[:, order] for name in ("right", "counts")
    )
    frame = np.repeat(frames, [len(part.score) for part in ranked])[order]
    return average_precision(right, counts, frame, weights, objects)


def _summed(name: str, ending: str, parts: Sequence[Evidence], weights: np.ndarray) -> Metrics:
    counts = [part for part in parts if isinstance(part, Counts)]
    formula = FORMULAS[counts[0].kind]
    values = formula.of(weights @ np.stack([part.values for part in counts]))
    return {joined(name, key + ending): value for key, value in zip(formula.names, values, strict=True)}


def _median(parts: Sequence[Evidence], frames: np.ndarray, weights: np.ndarray) -> np.ndarray:
    values = [part.values for part in parts if isinstance(part, Distances)]
    frame = np.repeat(frames, [len(part) for part in values])
    return weighted_medians(np.concatenate(values), frame, weights)


def _mean_precision(name: str, ending: str, tables: Sequence[np.ndarray]) -> Metrics:
    """Over the classes with objects: at IoU 0.5, and over all ten."""
    table = np.stack(tables)  # (classes, B, 10)
    present = (~np.isnan(table)).sum(0)
    mean = ratio(np.nan_to_num(table).sum(0), present, np.nan)
    return {
        joined(name, "ap50" + ending): mean[:, 0],
        joined(name, "coco_ap" + ending): mean.mean(1),
    }
