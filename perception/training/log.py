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

from perception.errors import SinkError
from perception.outputs import write_whole

LOG = "log.csv"
EVERY = 50  # steps between rows; a row holds the means since the last one


class Log:
    def __init__(self, out: Path, step: int, done: float) -> None:
        """`step`: steps that are done. `done`: the share of the run that they are, by steps or by time."""
        _drop_after(step, out / LOG)
        self.file = (out / LOG).open("a", newline="")
        self.board = SummaryWriter(str(out), purge_step=step + 1)
        self.rows = csv.writer(self.file)
        self.sums: defaultdict[str, list[float]] = defaultdict(list)
        self.began = self.since = time.monotonic()
        self.before = self.done = done
        self.step = self.last = step  # now, and of the last row
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
        if not isinstance(error, SinkError):  # a disk that is full takes no rows either
            self._write_rows()
        self.progress.stop()
        self.file.close()
        self.board.close()

    def write(self, step: int, done: float, values: Mapping[str, float]) -> None:
        """One step's values; `done`: share of the run. log.csv gets rows `step, name, mean`."""
        self.step, self.done = step, done
        for name, value in values.items():
            self.sums[name].append(value)
        self.progress.update(self.bar, completed=done, step=step)
        if step % EVERY == 0:
            self._write_rows()

    def _write_rows(self) -> None:
        """The means of the steps since the last rows, if there are any."""
        if self.step == self.last:
            return
        step, now = self.step, time.monotonic()
        each = (now - self.since) / (step - self.last)
        means = {name: sum(v) / len(v) for name, v in self.sums.items()}
        for name, mean in {**means, "seconds": each}.items():
            self.rows.writerow([step, name, f"{mean:.6g}"])
            self.board.add_scalar(name, mean, step)
        self.file.flush()
        losses = " ".join(
            f"{name[5:]} {mean:.3f}" for name, mean in means.items() if name.startswith("loss.")
        )
        self.progress.update(self.bar, description=losses)
        if not self.progress.console.is_terminal:
            print(f"step {step}, {each:.3f} s each, {self._left(now)} left: {losses}", flush=True)
        self.sums.clear()
        self.last, self.since = step, now

    def _left(self, now: float) -> timedelta:
        """Until the end, at the pace since this start."""
        pace = (now - self.began) / max(self.done - self.before, 1e-6)
        return timedelta(seconds=round(pace * (1 - self.done)))


def _drop_after(step: int, path: Path) -> None:
    """Without the rows of steps that will be done again, as a run that died left them."""
    if path.exists():
        rows = [row for row in path.read_bytes().splitlines(keepends=True) if row.endswith(b"\n")]
        steps = [row.partition(b",")[0] for row in rows]
        kept = [row for n, row in zip(steps, rows, strict=True) if n.isdigit() and int(n) <= step]
        write_whole(path, b"".join(kept))
