"""What signs say over time: each sign has the track of its box, and its reading is voted over the track."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perception.types import Detections, Signs

SAME = 0.5  # pixels by which the corners of a sign and of its box may differ
KEPT = 64  # tracks of signs; the oldest are forgotten


class Readings:
    """Votes by score and by the size of the crop: a near sign is read better than a far one."""

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._votes: dict[int, np.ndarray] = {}

    def clear(self) -> None:
        self._votes.clear()

    def __call__(self, signs: Signs, found: Detections) -> Signs:
        """`signs` with tracks of the boxes they were read in, -1 for none, and voted classes and scores."""
        track = np.full(len(signs), -1, np.int64)
        class_id, score = signs.class_id.copy(), signs.score.copy()
        if found.track is not None:
            for k, box in enumerate(signs.xyxy):
                near = np.flatnonzero(np.abs(found.xyxy - box).max(1) <= SAME)
                if len(near):
                    track[k] = found.track[near[0]]
                if track[k] >= 0:
                    class_id[k], score[k] = self._vote(int(track[k]), box, int(class_id[k]), float(score[k]))
        return replace(signs, class_id=class_id, score=score, track=track)

    def _vote(self, track: int, box: np.ndarray, class_id: int, score: float) -> tuple[int, float]:
        votes = self._votes.pop(track, None)
        if votes is None:
            votes = np.zeros(self._classes)
        votes[class_id] += score * float(np.hypot(*(box[2:] - box[:2])))
        self._votes[track] = votes  # last: the most recent
        if len(self._votes) > KEPT:
            del self._votes[next(iter(self._votes))]
        best = int(votes.argmax())
        return best, score if best == class_id else float(votes[best] / votes.sum())
