"""Metrics on rendered scenes, of which everything is known: `synthetic:SEED[:FRAMES][?conditions=NAMES]`.

Each picture is another world at another moment: every second one through the default camera, the others each
through a random one. They are plain days unless other conditions are asked for, such as `night+rain+ego`.
Training renders the worlds from 0 on; these begin at FIRST.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from perception.errors import DataError
from perception.labels.boxes import named_boxes
from perception.labels.labelled import VAL, Asked, Labelled, Stills
from perception.labels.truth import DRAWN, EDGES, ROAD, Truth
from perception.synthetic import Conditions, Rendered, World, default_camera, random_camera
from perception.tasks.detection import CLASSES as OBJECTS
from perception.types import Detections, Frame, Scene, Signs, Size

NAME = "synthetic"  # of the set: its metrics begin with it, `synthetic.lanes.f1`
FRAMES = 40
FIRST, APART = 1_000_000, 1000  # SEED's worlds are FIRST + APART * SEED and the following ones
SIZE: Size = (1280, 720)
LONGEST = 60.0  # seconds of driving before the picture is taken
SMALLEST, LARGE, NEAR = 12 / 720, 25 / 720, 41 / 720  # of the picture's height: lower is not asked for
RIDDEN = ("cyclist", "motorbike")  # boxes with their riders, whom some data sets call persons


@dataclass(frozen=True)
class Worlds:
    """So many pictures of so many worlds; the same seed gives the same pictures."""

    seed: int
    frames: int = FRAMES
    conditions: Conditions = field(default_factory=Conditions)

    @classmethod
    def parse(cls, text: str) -> Worlds | None:
        """From `synthetic:SEED[:FRAMES][?conditions=NAMES]`; None if it is no such name. Raises DataError."""
        if not text.startswith(f"{NAME}:"):
            return None
        found = re.fullmatch(NAME + r":(\d+)(?::([1-9]\d*))?(?:\?conditions=(.+))?", text)
        if not found:
            raise DataError(
                f"{text}: expected synthetic:SEED[:FRAMES][?conditions=NAMES], such as synthetic:7:40 "
                "or synthetic:7:40?conditions=night+rain"
            )
        try:
            conditions = Conditions.parse(found[3] or "day")
        except ValueError as error:
            raise DataError(str(error)) from error
        return cls(int(found[1]), int(found[2] or FRAMES), conditions)

    def __str__(self) -> str:
        """The name that `parse` reads."""
        plain = self.conditions == Conditions()
        return f"{NAME}:{self.seed}:{self.frames}" + ("" if plain else f"?conditions={self.conditions}")

    def render(self, k: int) -> Rendered:
        """Picture k."""
        seed = FIRST + APART * self.seed + k
        rng = np.random.default_rng((seed, 3))
        camera = random_camera(rng, SIZE) if k % 2 else default_camera(SIZE)
        world = World(seed, camera, conditions=self.conditions)
        return world.render(float(rng.uniform(0, LONGEST)))


def asked(rendered: Rendered, classes: Sequence[str], smallest: float = SMALLEST) -> Scene:
    """The truth in the form of the metrics: score 0 marks what is not asked for.

    That is, in all classes, what is hidden by more than 65 % or a speck (`Rendered.ignored`), every object
    lower than `smallest`, a share of the picture's height, and the riders of two-wheelers as persons.
    """
    truth, hidden = rendered.truth, rendered.ignored
    found, signs = truth.detections, truth.signs
    assert found is not None
    assert signs is not None
    objects, boards = (_height(x.xyxy, truth.size) >= smallest for x in (found, signs))
    ridden = found.xyxy[np.isin(found.class_id, [OBJECTS.index(name) for name in RIDDEN])]
    everywhere = np.repeat(np.arange(len(classes)), len(hidden))
    regions = np.concatenate([everywhere, np.full(len(ridden), OBJECTS.index("person"))])
    return replace(
        truth,
        detections=Detections(
            np.concatenate([found.xyxy, *[hidden] * len(classes), ridden]),
            _with_zeros(objects, len(regions)).astype(np.float32),
            np.concatenate([found.class_id, regions]).astype(np.int32),
            None if found.track is None else np.concatenate([found.track, np.full(len(regions), -1)]),
        ),
        signs=Signs(
            np.concatenate([signs.xyxy, hidden]),
            _with_zeros(signs.class_id, len(hidden)).astype(np.int32),
            _with_zeros(boards, len(hidden)).astype(np.float32),
        ),
    )


def _with_zeros(values: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([values, np.zeros(count, values.dtype)])


def _height(xyxy: np.ndarray, size: Size) -> np.ndarray:
    """(n,) heights of boxes as shares of the picture's."""
    return (xyxy[:, 3] - xyxy[:, 1]) / size[1]


@dataclass(frozen=True)
class WorldPicture:
    """Picture `k` of some worlds, still to be rendered."""

    worlds: Worlds
    k: int

    def read(self, seq: int) -> tuple[Frame, Truth]:
        rendered = self.worlds.render(self.k)
        tags = (f"set:{NAME}", f"camera:{'random' if self.k % 2 else 'default'}")
        return replace(rendered.frame, seq=seq), truth_of(rendered, tags)


def truth_of(rendered: Rendered, tags: tuple[str, ...] = ()) -> Truth:
    """All that is known of a rendered picture, with the objects of KITTI's levels."""
    told = asked(rendered, OBJECTS)
    levels = {"large": LARGE, "near": NEAR}
    return Truth(
        NAME,
        named_boxes(NAME, told),
        {name: named_boxes(NAME, asked(rendered, OBJECTS, least)) for name, least in levels.items()},
        signs=told.signs,
        lines=told.lanes,
        rules=(DRAWN, ROAD, EDGES),
        drivable=told.drivable,
        tags=tags,
    )


def open_worlds(text: str, asked: Asked = VAL) -> list[Labelled]:
    """From SEED[:FRAMES][?conditions=NAMES], with or without `synthetic:`. Raises DataError."""
    text = text if text.startswith(f"{NAME}:") else f"{NAME}:{text}"
    worlds = Worlds.parse(text)
    assert worlds is not None
    shown = "" if worlds.conditions == Conditions() else f"-{worlds.conditions}"
    return [Stills(f"{NAME}-{worlds.seed}{shown}", pictures(worlds))]


def pictures(worlds: Worlds) -> tuple[WorldPicture, ...]:
    return tuple(WorldPicture(worlds, k) for k in range(worlds.frames))
