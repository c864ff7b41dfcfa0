"""One run of a comparison: train, judge on the way and at the end, write what was found.

It has a process of its own, forked from one that has read the pictures, so that runs share these and nothing
else. The folder of the run gets result.json when all is done. A run that was cut off goes on from its last
checkpoint, if its configuration is still the same.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from perception.model.fuse import macs
from perception.sinks.files import write_whole
from perception.tasks.batch import Batch
from perception.training.analysis.conflict import affinity, conflicts
from perception.training.analysis.validation import Validation, spread
from perception.training.checkpoint import CHECKPOINT
from perception.training.config import Config, configure
from perception.training.loop import Trainer

EVALUATIONS = 5  # times a run is judged, the end included
PROBES = 12  # times the gradients of the tasks are compared
SEEN = "seen.json"  # what was seen on the way


class Watch:
    """Judges a run and compares its tasks' gradients at evenly spaced steps.

    Only of runs whose losses are simply added: what a balancing method does to them is in its weights, and
    looking takes as long as training.
    """

    def __init__(self, data: Path | None, out: Path, config: Config) -> None:
        self.path = out / SEEN
        self.validation = Validation(data, replace(config, eval_every=spread(config, EVALUATIONS)))
        self.wanted = config.balance == "equal"
        self.apart = max(1, config.steps // PROBES) if len(config.tasks) > 1 else 0  # steps between probes
        self.probes: list[dict[str, Any]] = []

    @property
    def complete(self) -> bool:
        """Whether nothing that was to be seen was missed, so that the run can be gone on with."""
        return not self.wanted or self.path.exists()

    def resume(self, step: int) -> None:
        """Know again what was seen up to `step`."""
        if step and self.wanted:
            seen = json.loads(self.path.read_text())
            self.validation.history, self.probes = (
                [row for row in seen[name] if row["step"] <= step] for name in ("history", "conflicts")
            )

    def __call__(self, trainer: Trainer, batch: Batch) -> dict[str, float]:
        if not self.wanted:
            return {}
        before = len(self.probes), len(self.validation.history)
        try:
            found = self._look(trainer, batch)
        except KeyboardInterrupt:  # the step will be kept as done, but was not looked at
            self.path.unlink(missing_ok=True)
            raise
        if (len(self.probes), len(self.validation.history)) != before or not self.path.exists():
            seen = {"history": self.validation.history, "conflicts": self.probes}
            write_whole(self.path, json.dumps(seen).encode())
        return found

    def _look(self, trainer: Trainer, batch: Batch) -> dict[str, float]:
        if self.apart and trainer.step % self.apart == 0:
            cosines = conflicts(trainer.network, batch)
            helped = affinity(trainer.network, batch)
            self.probes.append({"step": trainer.step, "cosines": cosines, "affinity": helped})
        return self.validation(trainer, batch)


def run(data: Path | None, out: Path, preset: str, settings: Sequence[str]) -> dict[str, Any]:
    """Train and judge; what result.json holds."""
    config = replace(configure(preset, settings), threads=1, workers=0)
    trainer, watch = Trainer(data, out, config), Watch(data, out, config)
    if not (_is_begun(out, config) and watch.complete):
        for stale in (CHECKPOINT, "log.csv", SEEN):
            (out / stale).unlink(missing_ok=True)
    trainer.resume()
    watch.resume(trainer.step)
    trainer.run(watch)
    metrics, found = watch.validation.judged(trainer.ema.network, config.size)
    return {
        "format": 1,
        "preset": preset,
        "settings": list(settings),
        "tasks": list(config.tasks),
        "sharing": config.sharing,
        "shape": dict(config.shape),
        "balance": config.balance,
        "balance_at": config.balance_at,
        "schedule": config.schedule,
        "seed": config.seed,
        "steps": config.steps,
        "size": list(config.size),
        "seconds": round(trainer.seconds, 2),
        "parameters": sum(p.numel() for p in trainer.network.parameters()),
        "macs": macs(trainer.network, config.size, list(trainer.network.heads)),
        "scores": found,
        "metrics": metrics,
        "history": watch.validation.history,
        "conflicts": watch.probes,
        "weights": weights(out / "log.csv"),
    }


def _is_begun(out: Path, config: Config) -> bool:
    """Whether `out` has a checkpoint of this very run."""
    path = out / "config.json"
    begun = (out / CHECKPOINT).exists() and path.exists()
    return begun and path.read_text() == config.to_json() + "\n"


def weights(log: Path) -> list[dict[str, Any]]:
    """The tasks' weights over time, as the log has them."""
    found: dict[int, dict[str, float]] = {}
    for line in log.read_text().splitlines():
        step, name, value = line.split(",")
        if name.startswith("weight."):
            found.setdefault(int(step), {})[name.removeprefix("weight.")] = float(value)
    return [{"step": step, "weights": values} for step, values in sorted(found.items())]


def perform(data: Path | None, out: Path, preset: str, settings: Sequence[str]) -> None:
    """`run`, with its answer in result.json and what it prints in output.log."""
    with (out / "output.log").open("w") as log, redirect_stdout(log), redirect_stderr(log):
        try:
            found = run(data, out, preset, settings)
        except BaseException:
            traceback.print_exc()
            raise SystemExit(1) from None
    write_whole(out / "result.json", (json.dumps(found, indent=1) + "\n").encode())
