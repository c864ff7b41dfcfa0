"""Class names of other data sets in those of our detection head.

To learn classes of one's own, this is the seam: what `Names` answers are the classes that a network is given.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from perception.errors import DataError
from perception.labels.tally import Tally
from perception.tasks.detection import CLASSES

OWN = {name: name for name in CLASSES}  # of our own format
COMMON = {  # what people call them, whatever the format
    **OWN,
    **dict.fromkeys(("car", "bus", "truck", "van", "lorry", "pickup", "taxi"), "vehicle"),
    **dict.fromkeys(("pedestrian", "people", "human"), "person"),
    **dict.fromkeys(("bicyclist",), "cyclist"),
    **dict.fromkeys(("motorcycle", "motorcyclist"), "motorbike"),
}
NOTHING = ""  # a class of the data set that is not to be learnt or judged


def plain(name: str) -> str:
    """`Traffic Light`, `traffic-light` and `traffic_light` are one name."""
    return re.sub(r"[\s_-]+", " ", str(name)).strip().casefold()


@dataclass(frozen=True)
class Names:
    """`names(name)`: the class of ours, or None if there is none."""

    table: Mapping[str, str]  # plain name -> ours

    @classmethod
    def of(cls, own: Mapping[str, str], asked: Mapping[str, str]) -> Names:
        """`own`: of a format; `asked`: of its user, who has the last word. Raises DataError."""
        for name, ours in asked.items():
            if ours not in (*CLASSES, NOTHING):
                known = ", ".join(CLASSES)
                raise DataError(
                    f'classes: expected {name!r} to be one of {known}, or "" to leave it out, '
                    f"got {ours!r}{nearest(ours, CLASSES)}. Change it"
                )
        return cls({plain(name): ours for name, ours in [*own.items(), *asked.items()]})

    def knows(self, name: str) -> bool:
        """Also a class that its user wants to leave out."""
        return plain(name) in self.table

    def __call__(self, name: str) -> str | None:
        return self.table.get(plain(name)) or None

    def check(self, place: object, names: Iterable[str], tally: Tally) -> None:
        """Note the class names of a data set. Raises DataError if none of them is a class of ours."""
        names = sorted(set(map(str, names)))
        tally.names.update(names)
        if names and not any(map(self, names)):
            raise DataError(
                f"{place}: expected a class of {', '.join(CLASSES)}, got {', '.join(names[:20])}"
                f"{nearest(names[0], self.table)}. Rename the classes, or when training say which is which: "
                f"{example(names[0])}"
            )

    def count(self, name: str, tally: Tally) -> str | None:
        """The same as `names(name)`, counted."""
        ours = self(name)
        (tally.unknown if ours is None else tally.used)[name] += 1
        return ours


def example(name: str) -> str:
    """How to say what a class is."""
    return f'--set \'classes={{"{name}": "{CLASSES[0]}"}}\''


def nearest(name: str, known: Collection[str]) -> str:
    """` (did you mean 'vehicle'?)`, or nothing."""
    found = get_close_matches(plain(name), list(known), 1, 0.6)
    return f" (did you mean {found[0]!r}?)" if found else ""
