"""Room on the disk for recordings: the oldest go first, and nothing else is touched."""

from __future__ import annotations

import logging
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock

from perception.errors import SinkError

OURS = re.compile(r".+-\d{8}T\d{6}(-last)?(-\d+)?\.mcap")  # the names that `new` gives
SPARE = 1 << 29  # bytes that stay free on the disk
SEGMENTS = 8  # of a quota: a long recording is cut into such parts, so that its begin can go

log = logging.getLogger(__name__)


class Folder:
    """Recordings of all cameras, together at most `quota` bytes."""

    def __init__(self, path: Path, quota: int, spare: int = SPARE) -> None:
        self.path, self.quota, self._spare = path, quota, spare
        self._lock = Lock()

    @property
    def segment(self) -> int:
        """Bytes after which a recording goes on in another file."""
        return max(1, self.quota // SEGMENTS)

    def new(self, camera: str, mark: str = "", now: float | None = None) -> Path:
        """A name that is free, after making room. Raises SinkError where the disk has none."""
        with self._lock:
            self._make_room()
            stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
            stem, number = f"{camera}-{stamp}{mark}", 1
            while (path := self.path / f"{stem}{'' if number == 1 else f'-{number}'}.mcap").exists() or (
                path.with_name(path.name + ".part").exists()
            ):
                number += 1
            return path

    @property
    def used(self) -> int:
        return sum(size for _, size, _ in self._files())

    def _make_room(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        for _, size, path in sorted(self._files()):
            if self.used + self.segment <= self.quota and self._free() >= self._spare:
                break
            with suppress(FileNotFoundError):
                path.unlink()
                log.warning("%s: removed, %d MB, to make room for newer recordings", path, size >> 20)
        if self._free() < self._spare:
            raise SinkError(
                f"{self.path}: expected {self._spare >> 20} MB that are free, got {self._free() >> 20}; "
                "free the disk, or choose another --recordings"
            )

    def _files(self) -> list[tuple[float, int, Path]]:
        """When it was written, bytes, path."""
        found = []
        for path in self.path.glob("*.mcap"):
            with suppress(FileNotFoundError):
                stat = path.stat()
                if OURS.fullmatch(path.name):
                    found.append((stat.st_mtime, stat.st_size, path))
        return found

    def _free(self) -> int:
        return shutil.disk_usage(self.path).free
