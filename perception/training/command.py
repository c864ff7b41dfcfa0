"""`perception train`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from perception.errors import DataError, SinkError
from perception.outputs import locked
from perception.terminal import terminal
from perception.training.allowed import check_names
from perception.training.analysis.validation import Validation
from perception.training.checkpoint import BEST, CHECKPOINT, told, weights_of
from perception.training.classes import with_file
from perception.training.config import Config, configure
from perception.training.data import found as surveyed
from perception.training.data import val as choosing
from perception.training.data.foreign import sort
from perception.training.loop import Trainer


def train(
    data: Sequence[str],
    out: Path,
    preset: str = "full",
    settings: Sequence[str] = (),
    resume: bool = False,
    val: Sequence[str] = (),
    classes: Path | None = None,
) -> None:
    """Train a network on the data sets that `data` names; everything it writes goes to `out`.

    `data`: folders or files, with their format before them (`[NAME=]FORMAT:PLACE`), or a folder in our own
    format. What is found is told first. `val`: data sets to choose the best weights by. `classes`: a file
    that names the classes of the network (`training.classes`). Raises DataError before the first step if it
    cannot work.
    """
    folder, others = sort(data)
    config = configure(preset, settings)
    config = replace(config, data=(*config.data, *others), val=(*config.val, *val))
    config = config if classes is None else with_file(config, classes)
    check_names(config)
    _check_out(out, resume)
    _tell(folder, config, (*data, *config.data))
    with locked(out):
        trainer, validation = Trainer(folder, out, config), Validation(folder, config)
        if resume:
            trainer.resume()
        trainer.run(validation)
    print(f"{told(weights_of(out))}. Its bundle: perception export {out} --out BUNDLE")


def _tell(folder: Path | None, config: Config, named: Sequence[str]) -> None:
    """Raises DataError if nothing would be learnt."""
    found = surveyed.survey(folder, config)
    surveyed.show(found, config, terminal(stderr=not sys.stdout.isatty()), choosing.pictures(config))
    surveyed.check(found, config, named)


def _check_out(out: Path, resume: bool) -> None:
    """Raises SinkError if `out` is no folder, DataError if it holds a run that is not to be gone on with."""
    if out.exists() and not out.is_dir():
        raise SinkError(f"{out}: expected a folder to write to, got a file. Choose another --out")
    found = [name for name in (CHECKPOINT, BEST) if (out / name).exists()]
    if found and not resume:
        raise DataError(
            f"{out}: expected a new folder, got one with a {found[0]}. Go on with it: --resume; "
            "or choose another --out"
        )
