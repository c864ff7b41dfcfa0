"""The data sets that a run learnt from, to calibrate on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perception.errors import DataError
from perception.training.data import READERS, SOURCES, foreign, sign_crops, signs, synthetic
from perception.training.data.sample import Sample
from perception.training.data.signs import Sign
from perception.training.loop import load_checkpoint


@dataclass(frozen=True)
class Learnt:
    folder: Path | None  # in our own format
    others: tuple[str, ...]  # data sets in other formats
    classes: tuple[tuple[str, str], ...]
    rendered: Path  # the folder of the run's rendered scenes
    scenes: int

    @classmethod
    def of(cls, checkpoint: Path, data: Sequence[str]) -> Learnt:
        """Those that `data` names as `perception train` does; if it is empty, those that the run names.

        Raises DataError.
        """
        config = json.loads(load_checkpoint(checkpoint)["config"])
        folder, others = foreign.sort(data or config.get("data", ()))
        if folder is None and not others:
            raise DataError(f"{checkpoint}: expected --data, what it learnt from, to calibrate on; got none")
        classes = tuple(config.get("classes", {}).items())
        return cls(folder, others, classes, checkpoint.parent / "synthetic", config.get("rendered", 0))

    def pictures(self, licences: str) -> dict[str, Sequence[Sample]]:
        """By the name of their data set. Raises DataError."""
        found: dict[str, Sequence[Sample]] = {}
        if self.folder is not None:
            found |= {name: read(self.folder) for name, read in READERS[licences].items()}
            own = foreign.own_sets(self.folder.resolve(), (*SOURCES,), self.classes)
            found |= {pictures.name: pictures for pictures in own if licences == "any"}
        return found | {foreign.name_of(text): foreign.read(text, self.classes) for text in self.others}

    def signs(self, licences: str) -> list[Sign]:
        """Sign crops; where no data set has any, those of the rendered scenes."""
        found = [] if self.folder is None else sign_crops(self.folder, licences)
        if found or not self.rendered.is_dir():
            return found
        return signs.in_scenes(synthetic.read(self.rendered, self.scenes))
