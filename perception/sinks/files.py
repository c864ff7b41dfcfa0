"""What the files of a sink are called, and how they are opened (`perception.outputs`)."""

from __future__ import annotations

from itertools import chain, count
from pathlib import Path

from perception.outputs import PartFile, write_whole, writing
from perception.types import Frame

__all__ = ["PICTURES", "PartFile", "Stems", "write_whole", "writing"]

PICTURES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"))


class Stems:
    """File names for frames: the image's own name, else the frame number (`000012`).

    Two images of one name, from different folders, must not overwrite each other: the later ones get
    their place in the list after the name (`front-12`), and a number where that is another one's name, too.
    """

    def __init__(self) -> None:
        self._used: set[str] = set()

    def __call__(self, frame: Frame) -> str:
        source = Path(frame.source)
        stem = source.stem if source.suffix.lower() in PICTURES else f"{frame.seq:06d}"
        other = f"{stem}-{frame.seq}"
        names = chain([stem, other], (f"{other}-{k}" for k in count(2)))
        name = next(name for name in names if name not in self._used)
        self._used.add(name)
        return name
