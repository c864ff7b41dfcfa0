"""The classes of a network, and what data sets call them: both belong to the bundle, not to the code.

`detection.CLASSES` and `signs.CLASSES` are those of the shipped bundle; another may have others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perception.bundle import ModelSpec
from perception.tasks import detection, lanes, signs
from perception.tasks.signs import SIGN as SIGN

Pairs = tuple[tuple[str, str], ...]  # name in a data set -> class of the network; "": left out
INFO = "class_names"  # of a bundle: what its data sets called its classes


@dataclass(frozen=True)
class Vocabulary:
    """Hashable, so that what was read with it can be cached."""

    objects: tuple[str, ...] = detection.CLASSES
    signs: tuple[str, ...] = signs.CLASSES
    names: Pairs = ()  # of objects
    sign_names: Pairs = ()
    line_names: Pairs = ()  # of lane lines, to one of `lanes.CLASSES`

    @property
    def object_ids(self) -> tuple[str, ...]:
        """Index -> name of what is read from labels: our classes first, then those that only it has."""
        return _extended(detection.CLASSES, self.objects)

    @property
    def sign_ids(self) -> tuple[str, ...]:
        """The same for signs."""
        return _extended(signs.CLASSES, self.signs)

    @property
    def line_kinds(self) -> Mapping[str, str]:
        """Name of a lane line -> its kind, with those of ours; "": left out."""
        return {**{kind: kind for kind in lanes.CLASSES}, **dict(self.line_names)}

    @property
    def by_task(self) -> dict[str, tuple[str, ...]]:
        """Of the tasks whose classes may be chosen."""
        return {"detection": self.objects, "signs": self.signs}

    def described(self) -> dict[str, dict[str, str]]:
        """Its names, for `info` of a bundle; empty: those that everybody knows."""
        named = {"detection": self.names, "signs": self.sign_names, "lanes": self.line_names}
        return {task: dict(pairs) for task, pairs in named.items() if pairs}

    @classmethod
    def of_bundle(cls, spec: ModelSpec) -> Vocabulary:
        """What a bundle sees, by the names that its data sets had."""
        said: Mapping[str, Any] = spec.info.get(INFO, {})
        return cls(
            spec.tasks["detection"].classes if "detection" in spec.tasks else detection.CLASSES,
            spec.tasks["signs"].classes if "signs" in spec.tasks else signs.CLASSES,
            *(tuple(said.get(task, {}).items()) for task in ("detection", "signs", "lanes")),
        )


def _extended(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
    return (*ours, *(name for name in theirs if name not in ours))


OURS = Vocabulary()
