"""Room on the disk for recordings: the oldest go first, and nothing else is touched."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from perception.errors import SinkError
from perception.outputs import writing

# The names that `new` gives, and what is left where the power was cut (`GrowingFile`).
OURS = re.compile(r".+-\d{8}T\d{6}(-last)?(-\d+)?(\.cut\d+)?\.mcap(\.part)?")
SPARE = 1 << 29  # bytes that stay free on the disk
READINGS = 100  # of the folder, until nothing in it is renamed in the midst
SEGMENTS = 8  # of a camera's share: a long recording is cut into such parts, so that its begin can go

log = logging.getLogger(__name__)


class Recorded(NamedTuple):
    written_s: float  # when, last
    size: int  # bytes
    path: Path
    growing: bool  # it is being recorded


class Folder:
    """Recordings of all cameras, together at most `quota` bytes, with what is still recorded."""

    def __init__(self, path: Path, quota: int, spare: int = SPARE, cameras: int = 1) -> None:
        self.path, self.quota, self._spare, self._cameras = path, quota, spare, cameras
        self._lock = Lock()

    @property
    def segment(self) -> int:
        """Bytes after which a recording goes on in another file."""
        return max(1, self.quota // (SEGMENTS * self._cameras))

    def new(self, camera: str, mark: str = "", size: int = 0, now: float | None = None) -> Path:
        """A name that is free, after making room for `size` bytes, at least a segment. Raises SinkError
        where the disk has none."""
        with self._lock, writing(self.path, "--recordings"):
            self._make_room(max(size, self.segment))
            stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
            stem, number = f"{camera}-{stamp}{mark}", 1
            while (path := self.path / f"{stem}{'' if number == 1 else f'-{number}'}.mcap").exists() or (
                path.with_name(path.name + ".part").exists()
            ):
                number += 1
            return path

    def _make_room(self, size: int) -> None:
        """For a file of `size` bytes, and for what the others that are recorded will grow by."""
        self.path.mkdir(parents=True, exist_ok=True)
        files = sorted(self._files())
        coming = size + sum(max(0, self.segment - file.size) for file in files if file.growing)
        used = sum(file.size for file in files)
        for file in (file for file in files if not file.growing):
            if used + coming <= self.quota and self._free() >= self._spare + coming:
                break
            file.path.unlink(missing_ok=True)
            used -= file.size
            log.warning("%s: removed, %d MB, to make room for newer recordings", file.path, file.size >> 20)
        self.check()

    def check(self) -> None:
        """Raises SinkError where too little of the disk is free, whoever filled it."""
        if self._free() < self._spare:
            raise SinkError(
                f"{self.path}: expected {self._spare >> 20} MB that are free, got {self._free() >> 20}; "
                "free the disk, or choose another --recordings"
            )

    def _files(self) -> list[Recorded]:
        """A part may get its name meanwhile: the folder is read again then."""
        for _ in range(READINGS):
            with suppress(FileNotFoundError), os.scandir(self.path) as entries:
                return [_recorded(entry) for entry in entries if _ours(entry)]
        raise SinkError(
            f"{self.path}: expected files that stay, got ones that come and go; use another folder"
        )

    def _free(self) -> int:
        return shutil.disk_usage(self.path).free


def _ours(entry: os.DirEntry[str]) -> bool:
    return OURS.fullmatch(entry.name) is not None and entry.is_file(follow_symlinks=False)


def _recorded(entry: os.DirEntry[str]) -> Recorded:
    stat, path = entry.stat(), Path(entry.path)
    return Recorded(stat.st_mtime, stat.st_size, path, _growing(path))


def _growing(path: Path) -> bool:
    """Whether a process records it, this one or another: a part that is locked, or of which that is not
    known, because it cannot be read or the disk has no locks."""
    if path.suffix != ".part":
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False
