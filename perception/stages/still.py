"""Metres on unrelated stills: the stages track, pitch and ground, each image as if it were the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from perception.interfaces import Stage
from perception.types import Frame, Scene

NEEDED = ("track", "pitch", "ground")


class Still:
    """`road`, `sigma_m` of detections and the `road_pitch`; lane lines have roles. Nothing has a number."""

    name = "ground"
    needs: tuple[str, ...] = ("detection",)
    remembers = False
    longest_gap_s = 0.0

    def __init__(self, stages: Sequence[Stage]) -> None:
        """`stages`: those of NEEDED, in that order."""
        self._stages = stages

    def reset(self) -> None:
        """It is new in every image."""

    def __call__(self, frame: Frame, scene: Scene) -> Scene:
        for stage in self._stages:
            stage.reset()
            scene = stage(frame, scene)
        found, signs, lanes = scene.detections, scene.signs, scene.lanes
        return replace(
            scene,
            detections=None if found is None else replace(found, track=None, age_ms=None, velocity=None),
            signs=None if signs is None else replace(signs, track=None),
            lanes=None if lanes is None else tuple(replace(line, id=None) for line in lanes),
        )

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        for stage in self._stages:
            stage.draw(canvas, scene)


def for_stills(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """What of `stages` runs on unrelated stills: those without memory, and where the camera is calibrated,
    metres."""
    by_name = {stage.name: stage for stage in stages}
    alone = tuple(stage for stage in stages if not stage.remembers)
    if not all(name in by_name for name in NEEDED):
        return alone
    return (*alone, Still([by_name[name] for name in NEEDED]))
