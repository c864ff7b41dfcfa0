"""What else is asked of a task: how its networks offer it, how it is judged, how it looks on a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from perception.bundle import TaskSpec


@dataclass(frozen=True)
class Score:
    """The one number of a task."""

    metrics: str  # of which it is the mean, * being one part of a name
    title: str


@dataclass(frozen=True)
class About:
    """Of one task."""

    spec: TaskSpec  # as the networks of this project offer it; thresholds chosen on validation data
    score: Score
    headlines: Mapping[str, tuple[str, ...]]  # metrics begin with -> judged by the first of these
    colours: Mapping[str, tuple[str, str]]  # likewise -> on white, on black
    shown: Mapping[str, str] = field(default_factory=dict)  # on a model card: metric -> what it is
    weight: float = 1.0  # of its loss, as the shipped network was trained
    optional: tuple[str, ...] = ()  # outputs of `spec` that a network may lack
