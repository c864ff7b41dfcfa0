"""The data sets that a run learnt from, to calibrate on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perception.errors import DataError
from perception.labels.vocabulary import Vocabulary
from perception.training.checkpoint import load_checkpoint, vocabulary_of
from perception.training.data import READERS, SOURCES, foreign, sign_crops, signs, synthetic
from perception.training.data.sample import Sample
from perception.training.data.signs import Sign


@dataclass(frozen=True)
class Learnt:
    folder: Path | None  # in our own format
    others: tuple[str, ...]  # data sets in other formats
    vocabulary: Vocabulary
    rendered: Path | None  # the folder of the run's rendered scenes; None: of no run
    scenes: int

    @classmethod
    def of(cls, checkpoint: Path, data: Sequence[str]) -> Learnt:
        """Those that `data` names as `perception train` does; if it is empty, those that the run names.

        Raises DataError.
        """
        state = load_checkpoint(checkpoint)
        config = json.loads(state["config"])
        named = data or config.get("data", ())
        if not named:
            raise DataError(f"{checkpoint}: expected --data, what it learnt from, to calibrate on; got none")
        rendered = checkpoint.parent / "synthetic"
        return cls.named(named, vocabulary_of(state), rendered, config.get("rendered", 0))

    @classmethod
    def named(
        cls, data: Sequence[str], vocabulary: Vocabulary, rendered: Path | None = None, scenes: int = 0
    ) -> Learnt:
        """Those that `data` names. Raises DataError."""
        folder, others = foreign.sort(data)
        return cls(folder, others, vocabulary, rendered, scenes)

    def pictures(self, licences: str) -> dict[str, Sequence[Sample]]:
        """By the name of their data set. Raises DataError."""
        found: dict[str, Sequence[Sample]] = {}
        if self.folder is not None:
            found |= {name: read(self.folder) for name, read in READERS[licences].items()}
            own = foreign.own_sets(self.folder.resolve(), (*SOURCES,), self.vocabulary)
            found |= {pictures.name: pictures for pictures in own if licences == "any"}
        return found | {foreign.name_of(text): foreign.read(text, self.vocabulary) for text in self.others}

    def signs(self, licences: str) -> list[Sign]:
        """Sign crops; where no data set has any, those of the rendered scenes."""
        found = [] if self.folder is None else sign_crops(self.folder, licences, self.vocabulary)
        if found or self.rendered is None or not self.rendered.is_dir():
            return found
        return signs.in_scenes(synthetic.read(self.rendered, self.scenes))
