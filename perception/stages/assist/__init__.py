"""What a driver must know: the stage `assist`. An event is one module and one line in EVENTS.

docs/events.md has the definition of each event. An event begins and ends with hysteresis, has a confidence,
and is silent where what it needs is not known or not sure enough: distances need a calibrated camera, speeds
the own speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from perception.stages.assist.collision import Collision
from perception.stages.assist.cut_in import CutIn
from perception.stages.assist.departure import LaneDeparture
from perception.stages.assist.headway import Headway
from perception.stages.assist.latch import Latch, Rule
from perception.stages.assist.lead import Lead
from perception.stages.assist.limit import SpeedLimit
from perception.stages.assist.person import PersonInPath
from perception.stages.assist.situation import Watch
from perception.tasks import tags
from perception.types import Event, Frame, Scene

EVENTS: Mapping[str, type[Rule]] = {
    "lead": Lead,
    "headway": Headway,
    "collision": Collision,
    "cut_in": CutIn,
    "person_in_path": PersonInPath,
    "lane_departure": LaneDeparture,
    "speed_limit": SpeedLimit,
}
RED, GREY = (60, 60, 230), (235, 235, 235)


class Assist:
    """`scene.events`, in the order of EVENTS."""

    name = "assist"
    needs: tuple[str, ...] = ("track", "ground")
    remembers = True
    longest_gap_s = 1.0

    def __init__(self, classes: Sequence[str], signs: Sequence[str] = ()) -> None:
        """The class names of objects and of signs."""
        self._watch = Watch(classes, signs)
        self.reset()

    def reset(self) -> None:
        self._watch.clear()
        self._rules = {name: make() for name, make in EVENTS.items()}
        self._latches = {name: Latch(rule.times) for name, rule in self._rules.items()}

    def __call__(self, frame: Frame, scene: Scene) -> Scene:
        situation = self._watch(frame, scene)
        events = []
        for name, rule in self._rules.items():
            latch = self._latches[name]
            held = latch(frame.stamp_ns, rule(situation, latch.told))
            if held is not None:
                since, found = held
                events.append(Event(name, found.confidence, since, found.track, found.value))
        return replace(scene, events=tuple(events))

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """A line for each event at the left, below the status; warnings in red."""
        _, line = tags.size(canvas, "0")
        for row, event in enumerate(scene.events or ()):
            rule = self._rules[event.name]
            value = "" if event.value is None else " " + rule.text.format(event.value)
            colour = RED if rule.warns else GREY
            tags.put(canvas, event.name.replace("_", " ") + value, (8, (2.5 + 1.3 * row) * line), colour)
