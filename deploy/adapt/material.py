"""What a bundle is adapted by: the frames that a user names, and rendered scenes of the old kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from calibration.int8 import frames
from deploy.adapt.gate import settings_of
from perception.bundle import ModelSpec
from perception.errors import DataError
from perception.evaluation.run import open_drives
from perception.labels.labelled import Stills, spaced
from perception.labels.vocabulary import Vocabulary
from perception.letterbox import Letterbox
from perception.sources import open_recorded
from perception.tasks.batch import Batch
from perception.training import ledger
from perception.training.adapt.fit import Recipe
from perception.training.adapt.frames import Labelled, check_one_camera, labelled, repeated
from perception.training.augment import Place
from perception.training.data import synthetic
from perception.training.data.chosen import Chosen
from perception.training.data.foreign import Told
from perception.training.data.mix import Mix
from perception.training.data.sample import Sample
from perception.types import Size

SCENES = 64  # to rehearse what the network knows, and to calibrate on
LEAST = 96  # pixels a side of a picture of the road: smaller ones are crops of signs
FRAMES = 32  # unlabelled frames whose statistics are taken
REHEARSED = 0.5  # rendered frames for each labelled one in a batch
ZOOM, COVER = (0.85, 1.25), 0.15  # of training frames: nearly as they are in use
SOURCE = "adapted"  # of the new frames, in the ledger


@dataclass(frozen=True)
class Wanted:
    """What a user asks for."""

    data: Sequence[str] = ()  # labelled frames
    unlabelled: str | None = None  # a clip or folder of the new camera
    old: Sequence[str] = ()  # labelled data of the old kind; empty: rendered scenes
    minutes: float = 5.0  # of learning, at most
    recipe: Recipe = field(default_factory=Recipe)
    scenes: int = SCENES  # rendered


@dataclass(frozen=True, eq=False)
class Material:
    given: Labelled
    unlabelled: np.ndarray  # (n, h, w, 3) uint8 BGR at the network's size
    scenes: Sequence[Sample]
    reference: np.ndarray  # (n, h, w, 3) as the old statistics are taken from
    size: Size  # of the network

    @property
    def rendered(self) -> np.ndarray:
        return letterboxed([scene.image for scene in self.scenes], self.size)

    def calibrating(self) -> np.ndarray:
        """(n, h, w, 3) images of the old kind and of the new one."""
        own = letterboxed(self.given.images, self.size)
        return np.concatenate([self.rendered, self.unlabelled, own])

    def batches(self, spec: ModelSpec, recipe: Recipe, told: Sequence[Told]) -> Iterator[Batch]:
        """Endless: the labelled frames that are among `told`, and rendered scenes to rehearse by."""
        parts: dict[str, Sequence[Sample]] = {str(k): own for k, own in enumerate(self.given.samples(told))}
        shares = {name: float(len(part)) / len(told) for name, part in parts.items()}
        return iter(
            Mix(
                {**parts, "rendered": self.scenes},
                {**shares, "rendered": REHEARSED},
                [],
                [(Place(spec.input_size, ZOOM, cover=COVER), 1.0)],
                batch=recipe.batch,
                crops=0,
                paste=0.0,
                seed=recipe.seed,
                chosen=Chosen(Vocabulary.of_bundle(spec)),
            )
        )


def gathered(wanted: Wanted, spec: ModelSpec, folder: Path, work: Path) -> Material:
    """Read it all; scenes are rendered into the folder `work`. Raises DataError, SourceError."""
    if not wanted.data and wanted.unlabelled is None:
        raise DataError(
            "expected frames to adapt to, got none. Name some: --data FOLDER or --unlabelled CLIP"
        )
    given = labelled(wanted.data, spec) if wanted.data else Labelled((), (), (), ())
    unlabelled, sizes = _unlabelled(wanted.unlabelled, spec.input_size)
    check_one_camera([*given.sizes, *sizes])
    scenes = synthetic.read(work, wanted.scenes)
    known = _of_old(wanted.old, folder) or [scene.image for scene in scenes[:FRAMES]]
    return Material(given, unlabelled, scenes, letterboxed(known, spec.input_size), spec.input_size)


def _of_old(old: Sequence[str], folder: Path) -> list[np.ndarray]:
    """At most FRAMES pictures of the old data, as many of each set; none of recorded drives."""
    drives = open_drives(old, settings_of(folder, "fp32")) if old else []
    sets = [drive.items for drive in drives if isinstance(drive, Stills)]
    each = -(-FRAMES // max(1, len(sets)))
    images = [still.read(0)[0].image for items in sets for still in spaced(items, each)]
    return [image for image in images if min(image.shape[:2]) >= LEAST][:FRAMES]


def letterboxed(images: Sequence[np.ndarray], size: Size) -> np.ndarray:
    """(n, h, w, 3) uint8 as the network is given them."""
    fitted = [Letterbox.fit((image.shape[1], image.shape[0]), size).apply(image) for image in images]
    return np.stack(fitted) if fitted else np.zeros((0, size[1], size[0], 3), np.uint8)


def _unlabelled(text: str | None, size: Size) -> tuple[np.ndarray, list[Size]]:
    """At most FRAMES frames (n, h, w, 3), spread over time and light; the size of the first as it came."""
    if text is None:
        return letterboxed((), size), []
    with closing(open_recorded(text)) as source:
        first = next(iter(source), None)
    if first is None:
        raise DataError(f"--unlabelled {text}: expected frames, got none. Choose another clip or folder")
    found = frames.drives([open_recorded(text)], size, FRAMES)
    repeated(list(found), [f"frame {k}" for k in range(len(found))])
    return found, [first.size]


def rows(wanted: Wanted, given: Labelled) -> list[ledger.Row]:
    """Of the new frames: nobody said what their licence allows."""
    told = [
        (f"{own.image.parent.name}/{own.image.name}", " ".join(sorted(own.tasks & {*given.tasks})))
        for own in given.told
    ]
    if wanted.unlabelled is not None:
        told.append((Path(wanted.unlabelled).name, ""))
    return [ledger.Row(image, SOURCE, ledger.UNSAID, labels, "") for image, labels in told]
