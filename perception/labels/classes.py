"""Class names of other data sets in those of a network (`vocabulary`)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from perception.errors import DataError
from perception.labels.tally import Tally
from perception.labels.vocabulary import OURS, SIGN, Vocabulary
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
    """`names(name)`: the class of the network, or None if there is none."""

    table: Mapping[str, str]  # plain name -> class of an object
    objects: tuple[str, ...] = CLASSES  # of the network
    signs: Mapping[str, str] = field(default_factory=dict)  # plain name -> class of a sign
    readings: tuple[str, ...] = ()  # classes of signs that the data set may tell; empty: it tells none

    @classmethod
    def of(cls, own: Mapping[str, str], vocabulary: Vocabulary = OURS) -> Names:
        """`own`: of a format; what the user says has the last word. Raises DataError."""
        objects = vocabulary.objects
        _check(vocabulary.names, objects)
        _check(vocabulary.sign_names, vocabulary.signs)
        known = [(name, ours) for name, ours in own.items() if ours in objects]
        new = [(name, name) for name in objects if name not in CLASSES]
        table = {plain(name): ours for name, ours in [*known, *new, *vocabulary.names]}
        signs = {plain(name): sign for name, sign in vocabulary.sign_names}
        table |= {name: SIGN if sign else NOTHING for name, sign in signs.items()}
        return cls(table, objects, signs, vocabulary.sign_ids if signs else ())

    def knows(self, name: str) -> bool:
        """Also a class that its user wants to leave out."""
        return plain(name) in self.table

    def __call__(self, name: str) -> str | None:
        return self.table.get(plain(name)) or None

    def sign(self, name: str) -> str:
        """What a class of the data set says of its signs; empty: nothing."""
        return self.signs.get(plain(name), "")

    def check(self, place: object, names: Iterable[str], tally: Tally) -> None:
        """Note the class names of a data set. Raises DataError if none of them is a class of the network."""
        names = sorted(set(map(str, names)))
        tally.names.update(names)
        if names and not any(map(self, names)):
            raise DataError(
                f"{place}: expected a class of {', '.join(self.objects)}, got {', '.join(names[:20])}"
                f"{nearest(names[0], self.table)}. Rename the classes, or when training say which is which, "
                f"{self.example(names[0])}, or learn them as they are: {as_they_are(names)}"
            )

    def count(self, name: str, tally: Tally) -> str | None:
        """The same as `names(name)`, counted."""
        ours = self(name)
        (tally.unknown if ours is None else tally.used)[name] += 1
        return ours

    def example(self, name: str) -> str:
        """How to say what a class is."""
        return f'--set \'classes={{"{name}": "{self.objects[0]}"}}\''


def as_they_are(names: Iterable[str]) -> str:
    """How to make classes of a data set those of the network."""
    listed = ", ".join(f'"{written(name)}"' for name in names)
    return f"--set 'detection.classes=[{listed}]'"


def written(name: str) -> str:
    """A name that a class may have: `Fork Lift` to `fork_lift`."""
    return re.sub(r"\W+", "_", name.strip().casefold()).strip("_")


def _check(pairs: Iterable[tuple[str, str]], classes: Collection[str]) -> None:
    """Raises DataError if a name stands for no class of the network."""
    for name, ours in pairs:
        if ours not in (*classes, NOTHING):
            raise DataError(
                f'classes: expected {name!r} to be one of {", ".join(classes)}, or "" to leave it out, '
                f"got {ours!r}{nearest(ours, classes)}. Change it"
            )


def nearest(name: str, known: Collection[str]) -> str:
    """` (did you mean 'vehicle'?)`, or nothing."""
    found = get_close_matches(plain(name), list(known), 1, 0.6)
    return f" (did you mean {found[0]!r}?)" if found else ""
