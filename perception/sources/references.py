"""Whether a picture of H.264 refers to one that never came.

Each reference picture bears the number of the one before it plus one (frame_num, ITU-T H.264, 7.4.3). A
decoder that misses one goes on in silence with another in its place. Numbers begin anew at a key frame: a
gap that is just as long as the way between two of them is not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

UNIT = re.compile(rb"\x00\x00\x01")  # what begins a unit
SLICE, SLICE_OF_KEY, PARAMETERS = 1, 5, 7  # kinds of units
HIGH = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)  # profiles that tell more
WIDEST = 16  # bits of a number
LONGEST = 512  # bytes of a unit that are looked at


class References:
    """Of one stream in the form of Annex B; in another one nothing is ever found."""

    def __init__(self, extradata: bytes) -> None:
        """`extradata`: of the codec, which may hold the parameters."""
        self._width = 0  # bits of a number; 0: not known, or gaps are allowed
        self._last: int | None = None  # number of the newest reference picture
        self.misses(extradata)

    def misses(self, packet: bytes) -> bool:
        """The picture of this packet needs one that was not in those before."""
        for unit in units(packet):
            kind = unit[0] & 31
            if kind == PARAMETERS:
                self._width = number_width(unit)
            elif kind == SLICE_OF_KEY:
                self._last = 0
                return False
            elif kind == SLICE:
                return self._follow(unit)
        return False

    def forget(self) -> None:
        """Packets were left out on purpose."""
        self._last = None

    def _follow(self, unit: bytes) -> bool:
        if not self._width:
            return False
        bits = Bits(unit[1:])
        for _ in range(3):  # first macroblock, type, picture parameters
            bits.golomb()
        number, last = bits.take(self._width), self._last
        if unit[0] >> 5 & 3:  # others may refer to it
            self._last = number
        return last is not None and number not in (last, (last + 1) % (1 << self._width))


class Bits:
    """Of a unit, from the first on; behind the end there are zeros."""

    def __init__(self, data: bytes) -> None:
        raw = data.replace(b"\0\0\3", b"\0\0")  # it keeps data from looking like a beginning
        self._value, self._left = int.from_bytes(raw, "big"), 8 * len(raw)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            return 0
        return self._value >> self._left & ((1 << count) - 1)

    def golomb(self) -> int:
        """ue(v), 9.1 of the standard."""
        zeros = 0
        while self._left > 0 and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)


def units(data: bytes) -> Iterator[bytes]:
    """The beginnings of the units of Annex B."""
    starts = [found.end() for found in UNIT.finditer(data)]
    return (data[start : start + LONGEST] for start in starts if start < len(data))


def number_width(unit: bytes) -> int:
    """By sequence parameters (7.3.2.1.1); 0: numbers may have gaps, or it is not known how they stand."""
    bits = Bits(unit[1:])
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    if profile in HIGH:
        chroma = bits.golomb()
        bits.golomb()
        bits.golomb()
        bits.take(1)
        if chroma == 3 or bits.take(1):  # planes of their own, or tables: rare in cameras
            return 0
    width = bits.golomb() + 4
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        for _ in range(2):
            bits.golomb()
        for _ in range(min(bits.golomb(), 255)):
            bits.golomb()
    bits.golomb()
    return 0 if bits.take(1) or width > WIDEST else width
