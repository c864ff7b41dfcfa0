"""One network of a search, trained part by part: to a step, judged there, and later on from there.

Each part has a process of its own, forked from one that has read the pictures. What it found lies in the
network's folder, so a search that is killed repeats one part at most.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from perception.errors import DataError
from perception.sinks.files import write_whole
from perception.tasks.batch import Batch
from perception.training.analysis.runs import share
from perception.training.analysis.validation import FEW, Validation
from perception.training.config import Config, configure
from perception.training.loop import Trainer

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Part:
    """A network in `folder`, trained with these settings up to `until`, and judged at each of `rungs`."""

    folder: Path
    preset: str
    settings: tuple[str, ...]
    rungs: tuple[int, ...]
    until: int

    def scores(self, step: int) -> Scores | None:
        """Task -> score there; None if it has not come so far."""
        path = self.folder / f"scores-{step}.json"
        return json.loads(path.read_text())["scores"] if path.exists() else None

    @property
    def missing(self) -> bool:
        return any(self.scores(step) is None for step in self.rungs if step <= self.until)


class _Judge:
    """Judges at the rungs, by a few pictures on the way and by all at the end; ends the part."""

    def __init__(self, part: Part, data: Path | None, config: Config) -> None:
        self.part, self.last, self.search = part, config.steps, os.getppid()
        self.validation = Validation(data, replace(config, eval_every=config.steps + 1))

    def __call__(self, trainer: Trainer, batch: Batch | None = None) -> dict[str, float]:
        if os.getppid() != self.search:  # it was killed: the one that goes on with it trains this network
            raise KeyboardInterrupt
        step = trainer.step
        if step in self.part.rungs and self.part.scores(step) is None:
            few = None if step >= self.last else FEW
            _, found = self.validation.judged(trainer.ema.network, trainer.config.size, few)
            trainer.save()  # before the scores: what has these can go on
            self._write(step, {"scores": found, "seconds": round(trainer.seconds, 2)})
        trainer.ended = step >= self.part.until
        return {}

    def _write(self, step: int, found: Mapping[str, Any]) -> None:
        write_whole(self.part.folder / f"scores-{step}.json", (json.dumps(found, indent=1) + "\n").encode())


def train(part: Part, data: Path | None) -> None:
    """From where it stands to `part.until`."""
    config = replace(configure(part.preset, part.settings), threads=1, workers=0)
    trainer = Trainer(data, part.folder, config)
    trainer.resume()
    judge = _Judge(part, data, config)
    judge(trainer)  # it may have been killed between the last step and its scores
    if not trainer.ended:
        trainer.run(judge)


def perform(
    parts: Sequence[Part], data: Path | None, rendered: Path, processes: int, done: Callable[[], None]
) -> None:
    """Train what is missing, so many at a time. `rendered`: scenes that all share.

    Raises DataError, at the end, if any failed.
    """
    waiting = list(dict.fromkeys(part for part in parts if part.missing))
    working: dict[int, tuple[Part, BaseProcess]] = {}
    failed = []
    while waiting or working:
        while waiting and len(working) < processes:
            part = waiting.pop(0)
            process = _start(part, data, rendered)
            working[process.sentinel] = part, process
        for sentinel in wait(list(working)):
            assert isinstance(sentinel, int)
            part, process = working.pop(sentinel)
            process.join()
            failed += [part.folder.name] if process.exitcode else []
            done()
    if failed:
        raise DataError(f"expected all runs to end well, failed: {', '.join(failed)}; see output.log there")


def _start(part: Part, data: Path | None, rendered: Path) -> BaseProcess:
    part.folder.mkdir(parents=True, exist_ok=True)
    share(rendered, part.folder)
    process = get_context("fork").Process(target=_logged, args=(part, data))
    process.start()
    return process


def _logged(part: Part, data: Path | None) -> None:
    with (part.folder / "output.log").open("a") as log, redirect_stdout(log), redirect_stderr(log):
        try:
            train(part, data)
        except BaseException:
            traceback.print_exc()
            raise SystemExit(1) from None
