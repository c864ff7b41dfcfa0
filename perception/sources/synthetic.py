"""Drives that were never driven, with a calibrated camera and the own motion.

`synthetic:SEED[:FRAMES][?conditions=NAMES]` has no plot; `scenario:NAME:SEED[:FRAMES]` has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from perception.errors import SourceError
from perception.synthetic import Conditions, Rendered, World
from perception.synthetic.scenario_world import ScenarioWorld
from perception.synthetic.scenarios import SCENARIOS
from perception.types import Frame

RATE = 20  # frames a second
SCENARIO_RATE = 10
FRAMES = 100  # unless another number is asked for


class SyntheticSource:
    """1280x720 at 20 frames a second; the same seed gives the same bytes. `last` has the truth."""

    live = False
    images = False
    fps = float(RATE)
    lost = 0

    def __init__(self, seed: int, frames: int = FRAMES, conditions: str = "day") -> None:
        """Raises SourceError unless seed >= 0 and frames >= 1, and for conditions that there are not."""
        if seed < 0 or frames < 1:
            raise SourceError(
                f"synthetic:{seed}:{frames}: expected SEED >= 0 and FRAMES >= 1; "
                "try synthetic:7 or synthetic:7:50"
            )
        try:
            asked = Conditions.parse(conditions)
        except ValueError as error:
            raise SourceError(f"synthetic:{seed}?conditions={error}") from error
        self.world, self._frames = World(seed, conditions=asked), frames
        self.last: Rendered | None = None

    def __iter__(self) -> Iterator[Frame]:
        for k in range(self._frames):
            self.last = self.world.render(k / RATE)
            yield self.last.frame

    def close(self) -> None:
        pass


class ScenarioSource:
    """`scenario:NAME:SEED`: a drive with a plot, SCENARIO_RATE frames a second. `last` has the truth."""

    live = False
    images = False
    fps = float(SCENARIO_RATE)
    lost = 0

    def __init__(self, name: str, seed: int, frames: int | None = None) -> None:
        """frames: at most so many; None: to the end of the plot. Raises SourceError: no such scenario."""
        if name not in SCENARIOS:
            raise SourceError(f"scenario:{name}:{seed}: expected one of {', '.join(SCENARIOS)}, got {name!r}")
        self._name = f"scenario:{name}:{seed}"
        self.world = ScenarioWorld(name, seed)
        whole = int(self.world.scenario.seconds * SCENARIO_RATE)
        self._frames = whole if frames is None else min(frames, whole)
        self.last: Rendered | None = None

    def __iter__(self) -> Iterator[Frame]:
        for k in range(self._frames):
            rendered = self.world.render(k / SCENARIO_RATE)
            frame = replace(rendered.frame, seq=k, source=self._name)
            self.last = replace(rendered, frame=frame, truth=replace(rendered.truth, seq=k))
            yield frame

    def close(self) -> None:
        pass
