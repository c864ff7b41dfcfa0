"""What an adapted bundle costs the domains that the old one was made for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perception.errors import PerceptionError
from perception.evaluation.names import headlines
from perception.evaluation.run import evaluate_labelled, open_drives
from perception.evaluation.seeing import REPRODUCIBLE, Settings
from perception.labels.labelled import Labelled, Stills
from perception.labels.truth import PARTS
from perception.tasks import TASKS
from perception.training.adapt.mixed import ALL

SLACK = 0.005  # by which the main metric of a task may fall
REMEDY = (
    "look at the labels of the frames, give more of them, or train on old and new data together: "
    "perception train --set init=shipped"
)
RENDERED = ("synthetic:501:40", "synthetic:502:20?conditions=night+rain")  # where nobody names old data
MOST = 60  # pictures of each old set
SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)  # of the change of a part that are tried, the largest first

Judged = Mapping[str, tuple[float, str]]  # task -> its score, and what that is


@dataclass(frozen=True)
class Score:
    """Of one task: the mean over the old sets of the metric that it is judged by, from 0 to 1."""

    what: str
    before: float
    after: float

    @property
    def fell(self) -> bool:
        return self.after < self.before - SLACK


@dataclass(frozen=True)
class Try:
    """A bundle that was made, and what it does to the old domains."""

    shares: Mapping[str, float]  # of the change: task -> that of its head, ALL -> that of the whole network
    scores: Mapping[str, Score]  # by task

    @property
    def fallen(self) -> list[str]:
        return [task for task, score in self.scores.items() if score.fell]


class Refused(PerceptionError):
    """No share of the change keeps the old domains, as `tried` shows, or there is nothing to be gained."""

    def __init__(self, seen: object, remedy: str = "", tried: Sequence[Try] = ()) -> None:
        super().__init__(seen, remedy)
        self.tried = tuple(tried)


def judged(folder: Path, precision: str, old: Sequence[str]) -> Judged:
    """The bundle in `folder` on labelled data of the old kind, named as for `perception evaluate`.

    Raises DataError, SourceError, BundleError.
    """
    settings = settings_of(folder, precision)
    return headlines(evaluate_labelled(drives(old, settings), settings).metrics)


def drives(old: Sequence[str], settings: Settings) -> list[Labelled]:
    """What the old domains are judged on: at most MOST pictures of each set."""
    return [_thinned(drive) for drive in open_drives(old, settings)]


def settings_of(folder: Path, precision: str) -> Settings:
    """How old data are read and judged: for the tasks alone."""
    parts = tuple(part for part in PARTS if part in TASKS)
    return Settings(replace(REPRODUCIBLE, bundle=folder, precision=precision), parts=parts, detail=False)


def _thinned(drive: Labelled) -> Labelled:
    return drive.thinned(MOST) if isinstance(drive, Stills) else drive


def compared(before: Judged, after: Judged) -> dict[str, Score]:
    """By task. One that has no score any more counts as 0."""
    nothing = (0.0, "")
    return {task: Score(what, score, after.get(task, nothing)[0]) for task, (score, what) in before.items()}


def largest(
    before: Judged,
    attempt: Callable[[Mapping[str, float]], Judged],
    parts: Sequence[str],
    needs: Mapping[str, Sequence[str]],
    old: Sequence[str],
    remedy: str = REMEDY,
) -> list[Try]:
    """What was tried; the last one keeps every task.

    `attempt(shares)` makes a bundle and judges it. Where a task falls, its own part gets the next smaller
    share, or the part of what it `needs`; where it has none, all parts do. `parts`: tasks, or ALL. Raises
    Refused, which says what fell, if nothing of the change is left.
    """
    tried: list[Try] = []
    shares = dict.fromkeys(parts, SHARES[0])
    while any(shares.values()):
        tried.append(Try(dict(shares), compared(before, attempt(shares))))
        if not tried[-1].fallen:
            return tried
        for part in _to_blame(tried[-1].fallen, shares, needs):
            shares[part] = SHARES[SHARES.index(shares[part]) + 1]
    raise Refused(
        f"expected a bundle that keeps every main metric on {' '.join(old)} within {100 * SLACK:.1f} points, "
        f"got {_told(tried[-1])}; nothing is written",
        remedy,
        tried,
    )


def _to_blame(
    fallen: Sequence[str], shares: Mapping[str, float], needs: Mapping[str, Sequence[str]]
) -> list[str]:
    """The parts that a fall may come from, of those that have changed."""
    changed = [part for part, share in shares.items() if share]
    own = {part for task in fallen for part in (task, *needs.get(task, ())) if part in changed}
    strange = [task for task in fallen if not {task, *needs.get(task, ())} & {*shares}]
    return changed if strange or not own else sorted(own)


def _told(last: Try) -> str:
    fell = ", ".join(
        f"{task} ({score.what}) {100 * score.before:.1f} to {100 * score.after:.1f}"
        for task, score in last.scores.items()
        if score.fell
    )
    return f"{fell} with {shown(last.shares)}"


def shown(shares: Mapping[str, float]) -> str:
    """`25 % of the change`, or that of each task: `25 % of detection, 100 % of lanes`."""
    if ALL in shares:
        return f"{100 * shares[ALL]:.0f} % of the change"
    return ", ".join(f"{100 * share:.0f} % of {task}" for task, share in shares.items())
