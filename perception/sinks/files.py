"""Files that appear whole or not at all, and what they are called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from perception.errors import SinkError
from perception.types import Frame

PICTURES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"))


class PartFile:
    """`path`, written as `path.part` beside it and renamed by `commit`. An older `path` stays until then."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self.done = False  # committed or discarded
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file: BinaryIO = self.part.open("w+b")

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
def writing(path: Path) -> Iterator[None]:
    """OSError becomes SinkError."""
    try:
        yield
    except OSError as error:
        raise SinkError(
            f"{path}: expected to write it, got: {error.strerror}; free the disk or choose another --out"
        ) from error


def write_whole(path: Path, data: bytes) -> None:
    """Raises SinkError and leaves nothing if it cannot be written."""
    part = PartFile(path)
    with part.or_nothing():
        part.file.write(data)
    part.commit()


class Stems:
    """File names for frames: the image's own name, else the frame number (`000012`).

    Two images of one name, from different folders, must not overwrite each other: the later ones get
    their place in the list after the name (`front-12`).
    """

    def __init__(self) -> None:
        self._used: set[str] = set()

    def __call__(self, frame: Frame) -> str:
        source = Path(frame.source)
        stem = source.stem if source.suffix.lower() in PICTURES else f"{frame.seq:06d}"
        if stem in self._used:
            stem = f"{stem}-{frame.seq}"
        self._used.add(stem)
        return stem
