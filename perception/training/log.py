"""What a training run tells: a progress bar, log.csv and TensorBoard events."""

from __future__ import annotations

import csv
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

EVERY = 50  # steps between rows; a row holds the means since the last one


class Log:
    def __init__(self, out: Path, step: int, done: float) -> None:
        """`step`: steps that are done. `done`: the share of the run that they are, by steps or by time."""
        self.file = (out / "log.csv").open("a", newline="")
        self.board = SummaryWriter(str(out))
        self.rows = csv.writer(self.file)
        self.sums: defaultdict[str, list[float]] = defaultdict(list)
        self.began = self.since = time.monotonic()
        self.before = done
        where = TextColumn("step {task.fields[step]}")
        columns = [TextColumn("{task.description}"), BarColumn(), where, TimeRemainingColumn()]
        self.progress = Progress(*columns)
        self.bar = self.progress.add_task("training", total=1.0, step=step)
        self.progress.update(self.bar, completed=done)

    def __enter__(self) -> Log:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()
        self.file.close()
        self.board.close()

    def write(self, step: int, done: float, values: Mapping[str, float]) -> None:
        """One step's values; `done`: share of the run. log.csv gets rows `step, seconds, name, mean`."""
        for name, value in values.items():
            self.sums[name].append(value)
        self.progress.update(self.bar, completed=done, step=step)
        if step % EVERY:
            return
        now = time.monotonic()
        means = {name: sum(v) / len(v) for name, v in self.sums.items()}
        for name, mean in {**means, "seconds": (now - self.since) / EVERY}.items():
            self.rows.writerow([step, name, f"{mean:.6g}"])
            self.board.add_scalar(name, mean, step)
        self.file.flush()
        losses = " ".join(
            f"{name[5:]} {mean:.3f}" for name, mean in means.items() if name.startswith("loss.")
        )
        self.progress.update(self.bar, description=losses)
        if not self.progress.console.is_terminal:
            each = (now - self.since) / EVERY
            print(f"step {step}, {each:.3f} s each, {self._left(now, done)} left: {losses}", flush=True)
        self.sums.clear()
        self.since = now

    def _left(self, now: float, done: float) -> timedelta:
        """Until the end, at the pace since this start."""
        return timedelta(seconds=round((now - self.began) * (1 - done) / max(done - self.before, 1e-6)))
