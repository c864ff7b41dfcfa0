"""How steady results are over a video, without truth.

Boxes are linked from frame to frame here, whatever numbers the stages gave them, so that results with and
without stages are judged alike. Where stages run, boxes that are no tracks yet are left out.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from perception.evaluation.tracking.pairs import iou
from perception.stages.assignment import assigned
from perception.tasks.evidence import Counts, Distances, Evidence, metrics
from perception.types import ClassMap, Frame, LaneLine, Scene

LONGEST_GAP = 3  # frames
SHORTEST = 5  # frames of an object that is judged
LEAST = 0.3  # overlap of the boxes of an object
ROWS = (0.75, 0.9)  # of the image height, at which lane lines are looked at
NEAR = 0.03  # of the image width, between a line and the same line in the next frame
LONGEST_S = 2.0  # between frames; more is a cut


@dataclass(eq=False)
class _Object:
    box: np.ndarray  # (4,)
    shift: np.ndarray  # (4,) pixels a frame
    frames: list[int]

    def at(self, frame: int) -> np.ndarray:
        return self.box + self.shift * (frame - self.frames[-1])

    def see(self, frame: int, box: np.ndarray) -> None:
        step = (box - self.box) / (frame - self.frames[-1])
        self.shift = 0.5 * self.shift + 0.5 * step if len(self.frames) > 1 else step
        self.box = box
        self.frames.append(frame)

    @property
    def counts(self) -> np.ndarray:
        """(3,): 1 if it has short gaps, 1 if it is judged, how often it was there without a gap."""
        gaps = np.diff(self.frames) - 1
        judged = len(self.frames) >= SHORTEST
        short = bool(((gaps > 0) & (gaps <= LONGEST_GAP)).any())
        return np.array([judged and short, judged, 1 + np.count_nonzero(gaps)], np.float64)


@dataclass(eq=False)
class Flicker:
    """`gaps`, `ids_per_minute`, `jitter_px` and `flips` of docs/metrics.md."""

    _live: list[_Object] = field(default_factory=list)
    _sums: np.ndarray = field(default_factory=lambda: np.zeros(3))  # `_Object.counts` of those that are gone
    _tracks: set[int] = field(default_factory=set)
    _seconds: float = 0.0  # of all objects
    _tracked: bool = False
    _frame: int = 0
    _last_ns: int | None = None
    _lines: deque[list[np.ndarray]] = field(default_factory=lambda: deque(maxlen=2))
    _maps: deque[np.ndarray] = field(default_factory=lambda: deque(maxlen=2))
    _jitter: array[float] = field(default_factory=lambda: array("d"))
    _flips: np.ndarray = field(default_factory=lambda: np.zeros(2))
    _sees: bool = False

    def write(self, frame: Frame, scene: Scene) -> None:
        """As a sink: scenes of one video, in order."""
        self.add(scene)

    def close(self) -> None:
        """The numbers stay."""

    def add(self, scene: Scene) -> None:
        step = 0.0 if self._last_ns is None else (scene.stamp_ns - self._last_ns) / 1e9
        if not 0 <= step <= LONGEST_S:
            self._cut()
            step = 0.0
        self._last_ns = scene.stamp_ns
        self._objects(scene, step)
        if scene.lanes is not None:
            self._lane_lines(scene.lanes, scene.size)
        if scene.drivable is not None:
            self._area(scene.drivable)
        self._frame += 1

    def evidence(self) -> Mapping[str, Evidence]:
        """By the ending of its name."""
        found: dict[str, Evidence] = {}
        if self._sees:
            gaps, objects, runs = self._sums + sum((x.counts for x in self._live), np.zeros(3))
            ids = len(self._tracks) if self._tracked else runs  # without tracks, a gap makes another one
            found["/objects"] = Counts("flicker", np.array([gaps, objects, ids, self._seconds / 60]))
        if self._jitter:
            found["/lanes"] = Distances(np.array(self._jitter), "jitter")
        if self._flips[1]:
            found["/drivable"] = Counts("flips", self._flips.copy())
        return found

    def result(self) -> Mapping[str, float]:
        """By the names of docs/metrics.md; what nothing is known of is left out."""
        return metrics(self.evidence())

    def _cut(self) -> None:
        self._end(self._live)
        self._live = []
        self._lines.clear()
        self._maps.clear()

    def _end(self, gone: Iterable[_Object]) -> None:
        for one in gone:
            self._sums += one.counts

    def _objects(self, scene: Scene, step: float) -> None:
        found = scene.detections
        if found is None:
            return
        self._sees = True
        if found.track is not None:
            kept, self._tracked = found.track >= 0, True
            self._tracks.update(found.track[kept].tolist())
            found = found[kept]
        self._seconds += step * len(found)
        self._link(found.xyxy.astype(np.float64))

    def _link(self, boxes: np.ndarray) -> None:
        self._end(x for x in self._live if self._frame - x.frames[-1] > LONGEST_GAP + 1)
        self._live = [x for x in self._live if self._frame - x.frames[-1] <= LONGEST_GAP + 1]
        free = np.ones(len(boxes), bool)
        for k, column in self._pairs(boxes):
            self._live[k].see(self._frame, boxes[column])
            free[column] = False
        self._live += [_Object(box, np.zeros(4), [self._frame]) for box in boxes[free]]

    def _pairs(self, boxes: np.ndarray) -> Iterator[tuple[int, int]]:
        if not len(boxes) or not self._live:
            return
        overlap = iou(np.array([x.at(self._frame) for x in self._live]), boxes)
        overlap[overlap < LEAST] = 0
        columns = assigned(-overlap)
        for k, column in enumerate(columns.tolist()):
            if column >= 0 and overlap[k, column] > 0:
                yield k, column

    def _lane_lines(self, lanes: Sequence[LaneLine], size: tuple[int, int]) -> None:
        """How far a line is from where it would be, had it moved on as it did."""
        now = [_columns(lanes, share * size[1]) for share in ROWS]
        if len(self._lines) == 2:
            for before, then, here in zip(*self._lines, now, strict=True):
                for x in here:
                    middle = _nearest(then, x, NEAR * size[0])
                    first = None if middle is None else _nearest(before, middle, NEAR * size[0])
                    if middle is not None and first is not None:
                        self._jitter.append(abs(float(x) - 2 * middle + first))
        self._lines.append(now)

    def _area(self, found: ClassMap) -> None:
        """Cells that differ from the frame before and from the one after."""
        if self._maps and self._maps[-1].shape != found.labels.shape:
            self._maps.clear()
        if len(self._maps) == 2:
            before, then = self._maps
            flipped = (then != before) & (then != found.labels)
            self._flips += np.count_nonzero(flipped), flipped.size
        self._maps.append(found.labels.copy())


def _columns(lanes: Sequence[LaneLine], row: float) -> np.ndarray:
    """x of each line that reaches `row`."""
    found = []
    for line in lanes:
        x, y = line.image.T
        if len(y) > 1 and y.min() <= row <= y.max():
            order = np.argsort(y)
            found.append(float(np.interp(row, y[order], x[order])))
    return np.array(found)


def _nearest(columns: np.ndarray, x: float, most: float) -> float | None:
    if not len(columns):
        return None
    found = float(columns[np.abs(columns - x).argmin()])
    return found if abs(found - x) <= most else None
