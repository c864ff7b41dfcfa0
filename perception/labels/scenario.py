"""Rendered drives with a plot: `scenario:NAME:SEED[:FRAMES]`; NAME `all`: one of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from perception.errors import DataError
from perception.labels.labelled import VAL, Asked, Labelled
from perception.labels.moving import Happening, moving_of
from perception.labels.synthetic import truth_of
from perception.labels.truth import Truth
from perception.sources.synthetic import ScenarioSource
from perception.synthetic import Rendered
from perception.synthetic.scenarios import SCENARIOS
from perception.tasks.detection import CLASSES
from perception.types import Frame

NAME, ALL = "scenario", "all"


@dataclass(frozen=True)
class ScenarioDrive:
    """Rendered anew by every iteration."""

    scenario: str
    seed: int
    frames: int | None = None
    remarks: tuple[str, ...] = ()
    lost: int = 0

    @property
    def name(self) -> str:
        return f"{NAME}-{self.scenario}-{self.seed}"

    def parts(self, size: int) -> list[ScenarioDrive]:
        """A drive is seen in order, so it is one piece."""
        return [self]

    def __iter__(self) -> Iterator[tuple[Frame, Truth]]:
        source = ScenarioSource(self.scenario, self.seed, self.frames)
        for frame in source:
            assert source.last is not None
            yield frame, _truth(source.last, self.scenario)


def _truth(rendered: Rendered, scenario: str) -> Truth:
    found = rendered.truth.detections
    assert found is not None
    told = tuple(Happening(x.name, x.sure, x.number, x.value, x.left) for x in rendered.happenings)
    truth = truth_of(rendered, (f"set:{NAME}", f"scenario:{scenario}"))
    moving = moving_of(found, CLASSES, rendered.ignored, told)
    return replace(truth, moving=moving, sets={"moving": NAME})


def open_scenarios(text: str, asked: Asked = VAL) -> list[Labelled]:
    """From NAME:SEED[:FRAMES]. Raises DataError."""
    found = re.fullmatch(r"(\w+):(\d+)(?::([1-9]\d*))?", text)
    names = list(SCENARIOS) if found and found[1] == ALL else [found[1]] if found else []
    if not names or any(name not in SCENARIOS for name in names):
        raise DataError(
            f"{NAME}:{text}: expected {NAME}:NAME:SEED[:FRAMES], NAME being {ALL} or one of "
            f"{', '.join(SCENARIOS)}"
        )
    assert found is not None
    frames = int(found[3]) if found[3] else None
    return [ScenarioDrive(name, int(found[2]), frames) for name in names]
