"""A file that grows for hours and must outlive a power cut."""

from __future__ import annotations

import fcntl
import logging
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import monotonic

from perception.errors import SinkError
from perception.sinks.files import PartFile, writing

SYNC_S = 1.0  # what a power cut may cost, and the time the disk takes

log = logging.getLogger(__name__)


class GrowingFile:
    """`path`, written as `path.part` and renamed when it is closed. Unlike other results, a part is kept.

    What an interrupted recording left as `path.part` is renamed to `NAME.cut1.mcap`, never overwritten. The
    disk takes what was written every SYNC_S, in a thread: a slow card does not hold up the camera.
    """

    def __init__(self, path: Path, overwrite: bool = False) -> None:
        """Raises SinkError if it cannot be written, another process is writing it, or it is there already;
        `overwrite`: it is replaced then, when the new one is closed."""
        self.path = path
        self.part = path.with_name(path.name + ".part")
        if path.is_file() and not overwrite:
            raise SinkError(
                f"{path}: expected a new name, got a file that exists; choose another --out, or --overwrite"
            )
        if self.part.exists():
            keep(self.part, path)
        self._part = PartFile(path)
        self.file = self._part.file
        self._thread = ThreadPoolExecutor(1, "sync")
        self._sync: Future[None] | None = None
        self._next = monotonic() + SYNC_S

    def due(self) -> bool:
        return monotonic() >= self._next

    def sync(self) -> None:
        """Let the disk take what was written, without waiting. Raises OSError if it could not last time."""
        self._next = monotonic() + SYNC_S
        self.file.flush()
        if self._sync is not None and not self._sync.done():
            return
        if self._sync is not None:
            self._sync.result()
        self._sync = self._thread.submit(os.fdatasync, self.file.fileno())

    def close(self) -> None:
        """The whole file is on the disk under its name. Raises OSError, also if the last `sync` could not:
        the disk tells of a failed write only once."""
        self._thread.shutdown()
        if self._sync is not None:
            self._sync.result()
        self.file.flush()
        os.fsync(self.file.fileno())
        self.part.replace(self.path)  # while it is locked: nobody takes the part for one that was left
        self.file.close()

    def discard(self) -> None:
        """Nothing was worth keeping: no part is left, and an older `path` stays."""
        self._thread.shutdown()
        self._part.discard()

    def leave(self) -> None:
        """Stop writing; what is there stays as a part."""
        self._thread.shutdown()
        self._part.done = True
        try:
            self.file.close()
        except OSError as error:
            log.debug("%s: %s", self.part, error)


def keep(part: Path, path: Path) -> None:
    """Give what an earlier recording left a name of its own."""
    with writing(part), part.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SinkError(f"{path}: another process is recording it; choose another --out") from error
        name = next(
            name for k in range(1, 10**6) if not (name := path.with_suffix(f".cut{k}{path.suffix}")).exists()
        )
        part.rename(name)
    log.warning("%s: an interrupted recording had left %s; it is %s now", path, part.name, name.name)
