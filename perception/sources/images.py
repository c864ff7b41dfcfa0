"""Still images: one file, a folder or a glob."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from perception.errors import FrameError, SourceError
from perception.limits import check_png, reason, regular
from perception.sources.convert import to_bgr
from perception.sources.foreign import FOREIGN, foreign, is_animated
from perception.sources.patterns import matches
from perception.types import Frame
from perception.white import White, sample

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH  # keeps 16 bits, drops alpha, turns by the EXIF orientation

HEAD = 4096  # bytes that tell what a picture is

log = logging.getLogger(__name__)


class Images:
    """Unrelated still images in natural order (2 before 10).

    `Frame.source` is the file name, `seq` the place in the list, `stamp_ns` 0: a still has no time. A
    picture is turned upright as its EXIF orientation says, so pixels are those a viewer shows. One that
    cannot be read is skipped with a warning and counted in `lost`; its `seq` stays unused. If none can be
    read, SourceError.
    """

    live = False
    images = True
    fps = None

    def __init__(self, paths: Sequence[Path], what: str) -> None:
        if not paths:
            raise SourceError(
                f"{what}: expected images ({' '.join(SUFFIXES)}), found none{_hint(Path(what))}"
            )
        self.paths = paths
        self.what = what
        self.white = White(what, lambda: map(_brightest, sample(paths)))
        self.lost = 0

    def __iter__(self) -> Iterator[Frame]:
        self.lost = 0
        fault: SourceError | None = None  # the last one
        for seq, path in enumerate(self.paths):
            try:
                image = read_image(path, self.white)
            except SourceError as error:
                self.lost += 1
                fault = error
                log.warning("skipped: %s", error)
                continue
            yield Frame(image, 0, seq, path.name)
        if self.lost == len(self.paths):
            raise SourceError(
                f"{self.what}: expected images, but none of {self.lost} files could be read: {fault}"
            )

    def close(self) -> None:
        pass


def read_image(path: Path, white: White | None = None) -> np.ndarray:
    """(H, W, 3) uint8 BGR, upright. Raises SourceError if the file is missing or is no image.

    `white`: of the 16-bit pictures of the source it belongs to.
    """
    try:
        return to_bgr(_stored(path), white)
    except (OSError, ValueError, cv2.error, FrameError) as error:  # ValueError: a name with a NUL
        raise SourceError(f"{path}: expected an image: {reason(error)}") from error


def _stored(path: Path) -> np.ndarray:
    """As the file has it, upright."""
    data = np.fromfile(regular(path), np.uint8)
    check_png(data.data)
    image = cv2.imdecode(data, FLAGS) if data.size else None
    start = data[:HEAD].tobytes()
    if image is None:
        got = foreign(start) or f"{data.size} bytes that are none"
        raise SourceError(f"{path}: expected an image, got {got}")
    if is_animated(start):
        log.warning("%s: only the first picture of this animation is read; convert it to a video", path)
    return image


def _brightest(path: Path) -> int:
    try:
        return int(_stored(path).max())
    except (OSError, ValueError, cv2.error, SourceError):
        return 0


def open_images(text: str) -> Images:
    """One image file, the images directly inside a folder, or those a pattern names (`**`: any folders)."""
    path = Path(text)
    if path.is_file():
        return Images([path], text)
    found = path.iterdir() if path.is_dir() else matches(path)
    return Images(sorted(filter(is_image, found), key=natural), text)


def _hint(folder: Path) -> str:
    """What else is in a folder without images."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    if not names:
        return "; check the path"
    return f" but {len(names)} other files; give one of them, such as {folder / names[0]}"


def is_image(path: Path) -> bool:
    """Also one that cannot be read: it is not passed over in silence."""
    return path.suffix.lower() in (*SUFFIXES, *FOREIGN) and not path.is_dir()


def natural(path: Path) -> list[tuple[int, str]]:
    """Sort key under which numbers count as numbers: img2 < img10.

    >>> sorted(map(Path, ["b10", "b9", "a"]), key=natural)[1].name
    'b9'
    """
    pieces = re.split(r"(\d+)", str(path))
    return [(int(p) if p.isdecimal() else -1, p) for p in pieces]
