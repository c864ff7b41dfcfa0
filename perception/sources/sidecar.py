"""When the frames of a video or of an image folder were taken: a text file beside them.

`clip.timestamps.csv` or `.txt` beside `clip.mp4` or the folder `clip/`, or `timestamps.csv` or `.txt` in the
folder. One line a frame: a whole number of nanoseconds or seconds with a decimal point. For images a second
field, before or behind it, may name the file; then only the images that are named are frames, in the order
of the lines. `#` starts a comment; a first line without a digit is a heading.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from perception.errors import SourceError
from perception.interfaces import Source
from perception.sources.bag_order import Order
from perception.sources.images import Images, is_image, natural
from perception.timing import usable_fps
from perception.types import Frame

SUFFIXES = (".timestamps.csv", ".timestamps.txt")
INSIDE = ("timestamps.csv", "timestamps.txt")
SHORTEST_NS = 1_000_000  # usual step: no camera here takes more than 1000 pictures a second
LATEST_NS = 2**63 - 1
MISSING = frozenset(("nan", "none", "null"))  # no heading, but a stamp that is not known
UNITS = {"seconds": (5, 10**9), "milliseconds": (2_000, 10**12), "microseconds": (SHORTEST_NS, 10**15)}

log = logging.getLogger(__name__)


class Row(NamedTuple):
    stamp_ns: int
    name: str  # of the image; "": the rows are in the order of the frames


def sidecar_of(path: Path) -> Path | None:
    """The file with the stamps of a video or an image folder, if there is one."""
    stems = (path.name, path.stem) if path.name else ()  # the folder `.` has none
    beside = [path.with_name(stem + s) for stem in stems for s in SUFFIXES]
    inside = [path / name for name in INSIDE] if path.is_dir() else []
    return next((file for file in inside + beside if file.is_file()), None)


class Stamped:
    """Another source, its frames with the stamps of a sidecar: pictures with stamps are one drive.

    Stamps that go back or repeat are kept and counted in a warning at the end. Raises SourceError if there
    are fewer stamps than frames: which frame the missing ones belong to is not known.
    """

    live = False
    images = False

    def __init__(self, source: Source, stamps_ns: Sequence[int], sidecar: Path) -> None:
        step = float(np.median(np.diff(stamps_ns))) if len(stamps_ns) > 1 else 0.0
        self.fps = usable_fps(1e9 / step if step else 0.0)
        self._source, self._stamps, self._sidecar = source, stamps_ns, sidecar

    def __iter__(self) -> Iterator[Frame]:
        order, seq = Order(), -1
        for frame in self._source:
            seq = frame.seq
            if seq >= len(self._stamps):
                raise SourceError(
                    f"{self._sidecar}: expected a stamp for each frame, got {len(self._stamps)} and a frame "
                    f"{seq} (from 0); write one line a frame"
                )
            order.note(self._stamps[seq], "", frame.size)
            yield replace(frame, stamp_ns=self._stamps[seq])
        if seq + 1 + self.lost < len(self._stamps):
            log.warning(
                "%s: %d stamps for %d frames; is it complete?", self._sidecar, len(self._stamps), seq + 1
            )
        for text in order.complaints():
            log.warning("%s: %s", self._sidecar, text)

    @property
    def lost(self) -> int:
        return self._source.lost

    def close(self) -> None:
        self._source.close()


def open_stamped(path: Path, sidecar: Path) -> Stamped:
    """A video, or the images of a folder."""
    rows = read_rows(sidecar)
    stamps = [row.stamp_ns for row in rows]
    if not path.is_dir():
        from perception.sources.recording import Recording

        return Stamped(Recording(str(path)), stamps, sidecar)
    images = sorted(filter(is_image, path.iterdir()), key=natural)
    if rows[0].name:
        others = len({image.name for image in images} - {row.name for row in rows})
        if others:
            log.warning("%s: %d images of %s have no stamp and were left out", sidecar, others, path)
        images = [path / row.name for row in rows]
    return Stamped(Images(images, str(path)), stamps, sidecar)


def read_rows(sidecar: Path) -> list[Row]:
    """At least one. Raises SourceError with the line."""
    rows: list[Row] = []
    try:
        lines = sidecar.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{sidecar}: expected stamps as text, got: {error}") from error
    first = True  # line of those that say something
    for number, line in enumerate(lines, 1):
        fields = [field.strip() for field in line.partition("#")[0].split(",") if field.strip()]
        if not fields:
            continue
        if (row := parsed(fields)) is not None:
            rows.append(row)
        elif not (first and is_heading(fields)):
            raise SourceError(
                f"{sidecar}, line {number}: expected STAMP or NAME,STAMP, got {line[:80]!r}; "
                "write nanoseconds, or seconds with a decimal point, from 0 on"
            )
        first = False
    if not rows or len({bool(row.name) for row in rows}) > 1:
        got = "names in some lines only" if rows else "no stamp"
        raise SourceError(f"{sidecar}: expected STAMP or NAME,STAMP in every line, got {got}")
    refuse_other_units(sidecar, [row.stamp_ns for row in rows])
    return rows


def refuse_other_units(sidecar: Path, stamps_ns: Sequence[int]) -> None:
    """Raises SourceError for whole numbers that are no nanoseconds, and for seconds after the year 2262."""
    steps = [after - before for before, after in pairwise(stamps_ns) if after > before]
    step = (
        sorted(steps)[len(steps) * 9 // 10] if steps else SHORTEST_NS
    )  # pairs of a stereo camera are nearer
    if step < SHORTEST_NS:
        unit = looks_like(stamps_ns[0], step)
        raise SourceError(
            f"{sidecar}: expected nanoseconds as whole numbers, got steps of {step:,}, more than 1000 frames "
            f"a second. These look like {unit}: write nanoseconds, or seconds with a decimal point"
        )
    if max(stamps_ns, default=0) > LATEST_NS:
        raise SourceError(
            f"{sidecar}: expected seconds before the year 2262, got {max(stamps_ns) / 1e9:.0f}. "
            "These look like milliseconds or microseconds: write seconds with a decimal point"
        )


def looks_like(stamp: int, step: int) -> str:
    """The unit in which whole numbers are dates of today; if none, that of usual steps from frame to frame.

    >>> looks_like(1_700_000_000, 10), looks_like(0, 33), looks_like(0, 33_333)
    ('seconds', 'milliseconds', 'microseconds')
    """
    dates = [unit for unit, (_, since) in UNITS.items() if since <= stamp < 100 * since]
    return next(iter(dates), next(unit for unit, (most, _) in UNITS.items() if step < most))


def is_heading(fields: Sequence[str]) -> bool:
    """
    >>> is_heading(["stamp_s", "name"]), is_heading(["-0.1"]), is_heading(["nan"])
    (True, False, False)
    """
    return not any(map(str.isdigit, "".join(fields))) and MISSING.isdisjoint(map(str.lower, fields))


def parsed(fields: Sequence[str]) -> Row | None:
    """
    >>> parsed(["1.5"]), parsed(["a.png", "7"]), parsed(["7", "a.png"])[1], parsed(["time"])
    (Row(stamp_ns=1500000000, name=''), Row(stamp_ns=7, name='a.png'), 'a.png', None)
    """
    stamps = [nanoseconds(field) for field in fields]
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) != 1 or len(fields) > 2:
        return None
    name = next((field for field, stamp in zip(fields, stamps, strict=True) if stamp is None), "")
    return Row(known[0], name)


def nanoseconds(text: str) -> int | None:
    """Whole numbers are nanoseconds, others seconds, of which no digit is lost; None: no number."""
    whole, point, rest = text.partition(".")
    if not whole.isdecimal() or not (rest + "0").isdecimal():
        return None
    return int(whole) * 10**9 + int((rest + "0" * 9)[:9]) if point else int(whole)
