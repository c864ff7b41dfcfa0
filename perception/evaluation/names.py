"""What the name of a metric says: whose it is, where it stands in a table, which way is better.

Names are dotted, the last part being what is measured: `lanes.drawn.f1`, `detection.town.person.ap50_small`,
`gtsdb.sign.read_f1`, `synthetic.lanes.median_m`. docs/metrics.md defines them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from perception.tasks import TASKS

HEADLINES = {  # what a task, or a part of one, is judged by: the first that there is
    name: measures for task in TASKS.values() for name, measures in task.about.headlines.items()
}
MEASURES = ("iou", "ap50", "coco_ap", "precision", "recall", "f1")  # columns in this order, others behind
FALLING = frozenset(  # lower is better
    (
        "median_m",
        "fp",
        "fn",
        "ece",
        "false_lines",
        "kind_wrong",
        "drivable",
        "lines",
        "vehicles",
        "objects",
        "found",
        "false_reads",
        "median_rel",
        "median_mps",
        "delay_s",
        "jitter_px",
        "flips",
        "gaps",
        "ids_per_minute",
        "switches",
        "frags",
    )
)
OF_DRIVES = frozenset(("tracking", "events", "flicker"))  # tasks whose metrics need whole drives


@dataclass(frozen=True)
class Unit:
    """Of a metric that is no fraction."""

    text: str
    places: int
    slack: float  # how much it may change where fractions may by SHARE


SHARE = 0.01
UNITS = {
    "median_m": Unit(" m", 3, 0.05),
    "median_mps": Unit(" m/s", 2, 0.1),
    "delay_s": Unit(" s", 2, 0.1),
    "warning_s": Unit(" s", 2, 0.1),
    "jitter_px": Unit(" px", 2, 0.1),
    "ids_per_minute": Unit("", 1, 1.0),
    "switches": Unit("", 0, 2.0),
    "frags": Unit("", 0, 5.0),
}
SIZES = ("small", "medium", "large")  # of objects: `f1_small`
SYNTHETIC, SIGN, POOLED = "synthetic", "sign", "all"
PLAIN = {"iou": "IoU", "ap50": "AP50", "f1": "F1", "read_f1": "read-F1", "culane_f1": "CULane F1"}


@dataclass(frozen=True)
class Name:
    """A metric's name in parts."""

    task: str  # of HEADLINES, or whatever else it begins with
    row: str  # the set, and the class if it is of one only; may be empty
    size: str  # of SIZES, or empty
    what: str  # the measure

    @classmethod
    def of(cls, name: str) -> Name:
        place, _, what = name.rpartition(".")
        measure, _, size = what.rpartition("_")
        task, row = _task_and_row(place)
        return cls(task, row, size, measure) if size in SIZES else cls(task, row, "", what)

    @property
    def falling(self) -> bool:
        """Less is better."""
        return self.what in FALLING

    @property
    def whole(self) -> bool:
        """Of a whole set, not of one class or size in it, nor of several sets."""
        return "." not in self.row and not self.size and self.row != POOLED


def main_metrics(names: Iterable[str]) -> list[str]:
    """Those that a task, or a part of one, is judged by, of whole data sets, in the order of the tasks."""
    parts = {name: Name.of(name) for name in names}
    main = [n for n, own in parts.items() if own.whole and own.what in HEADLINES.get(own.task, ())]
    return sorted(main, key=lambda name: (list(HEADLINES).index(parts[name].task), name))


def text(what: str, value: float, signed: bool = False) -> str:
    """`87.5` percent, `0.120 m`, `3` switches; a difference with its sign."""
    sign = "+" if signed else ""
    if unit := UNITS.get(what):
        return f"{round(value, unit.places) + 0.0:{sign}.{unit.places}f}{unit.text}"  # + 0.0: no "-0.000"
    return f"{round(100 * value, 1) + 0.0:{sign}.1f}"


def headlines(metrics: Mapping[str, float]) -> dict[str, tuple[float, str]]:
    """Task -> (its score, what that is): the mean over the sets of the measure a task is judged by."""
    return {
        task: (float(np.mean([metrics[name] for name in members])), told(members))
        for task, members in judging(metrics).items()
    }


def judging(metrics: Iterable[str]) -> dict[str, list[str]]:
    """Task -> the metrics it is judged by, one of each set."""
    own = {name: Name.of(name) for name in metrics}
    found = {}
    for task, measures in HEADLINES.items():
        of_task = [(name, n.what) for name, n in own.items() if n.task == task and n.whole]
        rows = [[name for name, what in of_task if what == wanted] for wanted in measures]
        members = next(filter(None, rows), None)
        if members:
            found[task] = members
    return found


def told(members: Sequence[str]) -> str:
    """`AP50, mean of 2 sets`."""
    what = Name.of(members[0]).what
    return PLAIN.get(what, what) + (f", mean of {len(members)} sets" if len(members) > 1 else "")


def by_task(names: Iterable[str]) -> dict[str, list[str]]:
    """Task -> names, in the order of HEADLINES, others behind."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(Name.of(name).task, []).append(name)
    return {task: groups[task] for task in in_order(groups)}


def in_order(tasks: Iterable[str]) -> list[str]:
    """Each once, as in HEADLINES, others behind."""
    return sorted(set(tasks), key=lambda task: (_place(task, tuple(HEADLINES)), task))


def columns(names: Iterable[str]) -> list[str]:
    """The measures of some metrics, the best known first."""
    return sorted({Name.of(name).what for name in names}, key=lambda what: (_place(what, MEASURES), what))


def _place(item: str, order: tuple[str, ...]) -> int:
    return order.index(item) if item in order else len(order)


def _task_and_row(place: str) -> tuple[str, str]:
    first, _, rest = place.partition(".")
    if first == SYNTHETIC:
        task, _, part = rest.partition(".")
        return "signs" if task == SIGN else task, ".".join(filter(None, (SYNTHETIC, part)))
    if rest.partition(".")[0] == SIGN:
        return "signs", ".".join(filter(None, (first, rest.partition(".")[2])))
    return first, rest
