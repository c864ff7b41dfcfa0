"""Where every output is opened: whole or not at all, by one process, through no link, never over an input."""

from __future__ import annotations

import fcntl
import glob
import logging
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from perception.errors import SinkError

NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

log = logging.getLogger(__name__)


class PartFile:
    """`path`, written as `path.part` beside it and renamed by `commit`. An older `path` stays until then.

    The part is a new file of this process: what a killed one left is removed, and what another process is
    writing is refused with SinkError. So is a `path` that is a link, a device or a folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self.done = False  # committed or discarded
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _refuse_special(path)
            _remove_left(self.part, path)
            self.file: BinaryIO = os.fdopen(os.open(self.part, NEW, 0o666), "w+b")
            lock(self.file.fileno(), path)

    def commit(self) -> None:
        """Give the file its name; nothing if that is done or it was discarded."""
        if self.done:
            return
        with self.or_nothing():
            self.file.close()  # what is still buffered may not fit either
            self.part.replace(self.path)
        self.done = True

    def discard(self) -> None:
        self.done = True
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            self.part.unlink()

    @contextmanager
    def or_nothing(self) -> Iterator[None]:
        """If writing fails inside, no part of the file is left, and an OSError becomes a SinkError."""
        try:
            with writing(self.path):
                yield
        except SinkError:
            self.discard()
            raise


@contextmanager
def writing(path: Path, option: str = "--out") -> Iterator[None]:
    """OSError becomes SinkError; `option` is what chooses another place."""
    try:
        yield
    except OSError as error:
        raise SinkError(
            f"{path}: expected to write it, got: {error.strerror}; free the disk or choose another {option}"
        ) from error


def write_whole(path: Path, data: bytes) -> None:
    """Raises SinkError and leaves nothing if it cannot be written."""
    part = PartFile(path)
    with part.or_nothing():
        part.file.write(data)
    part.commit()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else writes to `folder`, which is made, until the end of the block. Raises SinkError.

    The lock is that of the folder itself and goes with the process: no file is left, nor any lock.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        lock(handle, folder)
        yield
    finally:
        os.close(handle)


def lock(handle: int, path: Path) -> None:
    """Raises SinkError if another process has the lock. Some network disks know none: there is none then."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SinkError(
            f"{path}: another process is writing it; wait for its end or choose another --out"
        ) from None
    except OSError as error:
        log.debug("%s: no lock: %s", path, error)


def keep_apart(outputs: Iterable[Path | None], inputs: Iterable[str | Path | None]) -> None:
    """Refuse an output that is an input, or a folder of outputs in which an input lies. Raises SinkError.

    inputs: files, folders, patterns of files, or names that begin with a kind and end with a part
    (`coco:labels.json:images`, `drive.mcap?topic=/front`).
    """
    folder = cache(os.path.realpath)  # of many files of one folder
    places = {_real(path, folder): path for path in outputs if path is not None}
    for path in (path for given in inputs if given is not None for path in _files_of(str(given))):
        real = _real(path, folder)
        for place in (real, *real.parents):
            if place in places:
                raise SinkError(
                    f"{places[place]}: expected a place of its own for the output, got the input {path}; "
                    "it would be lost. Choose another one"
                )


def keep_file_apart(path: Path | None, inputs: Iterable[str | Path | None]) -> None:
    """Refuse to write a file over an input, or over a file of a folder that is one. Raises SinkError.

    inputs: as for `keep_apart`.
    """
    if path is None:
        return
    given = list(inputs)
    keep_apart([path], given)
    real = Path(os.path.realpath(path))
    for place in (place for one in given if one is not None for place in _files_of(str(one))):
        if real.exists() and Path(os.path.realpath(place)) in real.parents:
            raise SinkError(
                f"{path}: expected a place of its own for the output, got a file of the input {place}; "
                "it would be lost. Choose another one"
            )


def _files_of(text: str) -> Iterator[Path]:
    pieces = {text, text.partition("?topic=")[0], text.removeprefix("file://"), *text.split(":")}
    yield from (Path(piece) for piece in pieces if piece and os.path.lexists(piece))
    if glob.has_magic(text) and not os.path.lexists(text):
        yield from map(Path, glob.iglob(text, recursive=True))


def _real(path: Path, folder: Callable[[Path], str]) -> Path:
    return Path(os.path.realpath(path)) if path.is_symlink() else Path(folder(path.parent), path.name)


def _refuse_special(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    kinds = ((stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a folder"), (stat.S_ISREG, ""))
    kind = next((name for test, name in kinds if test(mode)), "a device or pipe")
    if kind:
        raise SinkError(f"{path}: expected to write a file, got {kind}; choose another name")


def _remove_left(part: Path, path: Path) -> None:
    """Remove what a process that is gone left under the part's name, or a link."""
    try:
        handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError:  # a link, or nothing that can be opened
        part.unlink()
        return
    try:
        lock(handle, path)
        part.unlink()
    finally:
        os.close(handle)
