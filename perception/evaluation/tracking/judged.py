"""What is judged of a drive, by the rules of the KITTI tracking benchmark (Geiger 2012; as in TrackEval).

Not judged, found or not: objects that are truncated, or largely occluded, and those of class `other`. Tracks
on them count neither way, nor do unmatched boxes at most 25 pixels high or more than half inside a region
`ignore`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from perception.evaluation.tracking.folder import IGNORE, Drive, Rows
from perception.evaluation.tracking.pairs import Moment, iou, share_inside
from perception.stages.assignment import assigned

LEAST = 0.5  # overlap that makes a pair
LOWEST = 25.0  # pixels high
MOST_OCCLUDED = 2
EPS = np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False)
class Followed:
    """What was followed in one frame: boxes of one class."""

    track: np.ndarray  # (m,) int64
    xyxy: np.ndarray  # (m, 4)


def moments(drive: Drive, name: str, seen: Mapping[int, Followed], every: int = 1) -> Iterator[Moment]:
    """Each `every`th frame of a drive, as far as it is judged; `name`: of the class."""
    ignored = _by_frame(drive.truth[drive.truth.name == IGNORE])
    truths = _by_frame(drive.truth[(drive.truth.name == name) | (drive.truth.name == "other")])
    nothing = drive.truth[:0]
    for frame in range(0, drive.frames, every):
        followed = seen.get(frame, NOBODY)
        yield _moment(truths.get(frame, nothing), name, followed, ignored.get(frame, nothing).xyxy)


NOBODY = Followed(np.empty(0, np.int64), np.empty((0, 4)))


def _by_frame(rows: Rows) -> dict[int, Rows]:
    return {int(frame): rows[rows.frame == frame] for frame in np.unique(rows.frame)}


def _moment(truth: Rows, name: str, seen: Followed, ignored: np.ndarray) -> Moment:
    similarity = iou(truth.xyxy, seen.xyxy)
    judged = (truth.name == name) & (truth.numbers["truncated"] <= EPS)
    judged &= truth.numbers["occluded"] <= MOST_OCCLUDED
    rows, columns = matched(similarity)
    free = np.ones(len(seen.track), bool)
    free[columns] = False
    low = seen.xyxy[:, 3] - seen.xyxy[:, 1] <= LOWEST + EPS
    drop = free & (low | (share_inside(seen.xyxy, ignored) > 0.5 + EPS).any(1))
    drop[columns[~judged[rows]]] = True
    ids = truth.numbers["track"][judged].astype(np.int64)
    return Moment(ids, seen.track[~drop], similarity[judged][:, ~drop])


def matched(similarity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pairs of a frame with the largest sum of overlaps, each at least LEAST."""
    if not similarity.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    gain = np.where(similarity < LEAST - EPS, 0.0, similarity)
    columns = assigned(-gain)
    rows = np.flatnonzero(columns >= 0)
    rows = rows[gain[rows, columns[rows]] > EPS]
    return rows, columns[rows]
