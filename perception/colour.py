"""The colours of video that does not say: BT.709 in HD, BT.601 below, as players take it.

Numbers are the code points of ITU-T H.273, which FFmpeg shares.
"""

from __future__ import annotations

from typing import NamedTuple

SD = (1279, 576)  # the largest; HD is wider or higher
UNSAID = 2
LIMITED = 1  # range: black 16, white 235


class Colour(NamedTuple):
    matrix: int
    primaries: int
    transfer: int


BT601, BT709 = Colour(6, 6, 6), Colour(1, 1, 1)


def usual(width: int, height: int) -> Colour:
    """
    >>> usual(720, 576) == BT601, usual(1280, 720) == BT709
    (True, True)
    """
    return BT709 if width > SD[0] or height > SD[1] else BT601
