"""Pictures of the old tasks: the network that learns a new one is held to what it said about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deploy.adapt.gate import RENDERED, drives, settings_of
from deploy.adapt.material import LEAST, letterboxed
from perception.bundle import ModelSpec
from perception.errors import DataError
from perception.labels import open_labelled
from perception.labels.labelled import Asked, Labelled, Still, Stills, spaced
from perception.labels.vocabulary import Vocabulary
from perception.training import ledger
from perception.training.data import synthetic

MOST = 384  # pictures to learn from, of all sets together
SCENES = 64  # rendered ones, where nobody names data
SOURCE = "replayed"  # in the ledger


@dataclass(frozen=True, eq=False)
class Replay:
    images: np.ndarray  # (n, h, w, 3) uint8 BGR at the network's size: to learn from
    judged: Sequence[str]  # data that judge the old tasks, named as for `perception evaluate`
    rows: Sequence[ledger.Row]


def gathered(places: Sequence[str], spec: ModelSpec, folder: Path, work: Path) -> Replay:
    """Of the data sets `places`, their labels left alone; of none: scenes, rendered into the folder `work`.

    Learnt from are pictures of the split `train`, and none that judges. Raises DataError, SourceError.
    """
    if not places:
        scenes = [scene.image for scene in synthetic.read(work, SCENES)]
        return Replay(letterboxed(scenes, spec.input_size), RENDERED, ())
    judging = {_key(still) for still in _stills(drives(places, settings_of(folder, "fp32")))}
    asked = Asked("train", Vocabulary.of_bundle(spec))
    sets = [drive for place in places for drive in open_labelled(place, asked)]
    there = [[still for still in _stills([own]) if _key(still) not in judging] for own in sets]
    chosen = [still for own in there for still in spaced(own, -(-MOST // len(there)))]
    frames = [still.read(seq)[0] for seq, still in enumerate(chosen)]
    frames = [frame for frame in frames if min(frame.image.shape[:2]) >= LEAST]
    if not frames:
        raise DataError(
            f"--replay {' '.join(places)}: expected pictures of the road beside those that judge the old "
            "tasks, got none. Give it a part to learn from (split train), or more pictures"
        )
    rows = [ledger.Row(_named(frame.source), SOURCE, ledger.UNSAID, "", "") for frame in frames]
    return Replay(letterboxed([frame.image for frame in frames], spec.input_size), places, rows)


def _stills(parts: Sequence[Labelled]) -> Iterator[Still]:
    """None of recorded drives."""
    for part in parts:
        yield from part.items if isinstance(part, Stills) else ()


def _key(still: Still) -> str:
    """The same for one picture in two splits."""
    return str(getattr(still, "image", still))


def _named(source: str) -> str:
    """The end of a picture's path: nobody else knows the beginning."""
    return "/".join(Path(source).parts[-2:])
