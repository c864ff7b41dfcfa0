"""The speed limit in force, by the signs of a rendered road."""

from __future__ import annotations

from collections.abc import Sequence

from perception.synthetic.happenings import ENDS, LIMITS, Happening

LEGIBLE = 40.0  # metres: a sign may be read from there on


def in_force(signs: Sequence[tuple[float, int]], s: float) -> list[Happening]:
    """At `s` metres along the road; `signs`: where they stand and their classes.

    The limit that was passed is sure until the next sign can be read; both may be told until that is passed.
    """
    limit, found = None, list[Happening]()
    for at, sign in sorted(signs):
        if sign not in LIMITS and sign not in ENDS:
            continue
        after = LIMITS.get(sign, None if limit in ENDS.get(sign, ()) else limit)
        if s >= at:
            limit = after
            continue
        if s > at - LEGIBLE and after != limit:
            told = [x for x in (limit, after) if x is not None]
            return found + [Happening("speed_limit", False, value=float(x)) for x in told]
        break
    if limit is not None:
        found.append(Happening("speed_limit", True, value=float(limit)))
    return found
