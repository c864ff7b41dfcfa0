"""The table of the fields of a `Scene`, in its own order. All that writes, reads, counts or compares scenes
loops over it.

A task brings its field in its folder: a new task is that folder, one line in `perception.tasks`, and a field
of Scene. A field that no task fills is a file here and a line in OTHERS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any, Protocol

from perception.field import Classes, Field
from perception.fields.blank import BlankField
from perception.fields.confidence import ConfidenceField
from perception.fields.events import EventsField
from perception.fields.freshness import AgeField, ShedField
from perception.fields.mount import MountField
from perception.fields.road_pitch import RoadPitchField
from perception.tasks import ADDED, TASKS
from perception.tasks.added import BETWEEN
from perception.types import Scene

OTHERS: tuple[Field[Any], ...] = (
    *(AgeField(), ShedField()),
    *(BlankField(), MountField(), RoadPitchField(), EventsField(), ConfidenceField()),
)
_OWN = {
    field.name: field for field in (*(make.field for make in (*TASKS.values(), *ADDED.values())), *OTHERS)
}
FIELDS: tuple[Field[Any], ...] = tuple(_OWN[f.name] for f in fields(Scene) if f.name in _OWN)

Topics = Mapping[str, tuple[str, str]]  # name of a field -> topic, message type


class Named(Protocol):
    """A task, or what a bundle says of one."""

    @property
    def name(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...


def present(scene: Scene) -> Iterator[tuple[Field[Any], Any]]:
    """The fields that a scene has, with their values."""
    for field in FIELDS:
        value = getattr(scene, field.name)
        if value is not None:
            yield field, value


def field_of(task: Named) -> Field[Any]:
    """What a task fills: of an added one, what tasks of its kind do."""
    name = getattr(task, "kind", "") or task.name
    return next(field for field in FIELDS if field.task == name)


def classes_of(tasks: Iterable[Named]) -> Mapping[str, Classes]:
    """By the name of a field's task; none for what no task fills.

    By the kind of added tasks: the classes of all tasks of that kind, "weather/rain".
    """
    found: dict[str, Classes] = {"": ()}
    for task in tasks:
        kind = getattr(task, "kind", "")
        own = [f"{task.name}{BETWEEN}{name}" for name in task.classes]
        found[kind or task.name] = (*found.get(kind, ()), *own) if kind else task.classes
    return found


def topics(root: str) -> Topics:
    """Below `root` ("/perception", "/truth")."""
    return {field.name: (f"{root}/{field.topic}", field.message) for field in FIELDS if field.topic}


RESULTS: Topics = topics("/perception")
TRUTH: Topics = topics("/truth")  # of labelled drives

__all__ = ["FIELDS", "RESULTS", "TRUTH", "Field", "Named", "Topics", "classes_of", "present", "topics"]
