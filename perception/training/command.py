"""`perception train`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from perception.outputs import locked
from perception.training.analysis.looks import Looks
from perception.training.config import configure
from perception.training.loop import Trainer


def train(
    data: Path, out: Path, preset: str = "full", settings: Sequence[str] = (), resume: bool = False
) -> None:
    """Train a network on the data sets found in `data`; everything it writes goes to `out`."""
    config = configure(preset, settings)
    with locked(out):
        trainer, looks = Trainer(data, out, config), Looks(data, config)
        if resume:
            trainer.resume()
        trainer.run(looks)
