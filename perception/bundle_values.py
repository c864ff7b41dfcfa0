"""What the values of `model.json` may be.

A new key is checked without a line here: its numbers lie within +-1e6, its texts can be printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

LONGEST = 200  # characters of a name
MAP_CLASSES = 255  # of all map tasks together: they are numbered on in one byte, whose last value is VOID


class Range(NamedTuple):
    """Of a number, ends included."""

    low: float
    high: float
    whole: bool = False


SETTINGS = {  # by the end of a setting's name
    "threshold": Range(1e-6, 1 - 1e-6),
    "iou": Range(1e-6, 1),
    "max_objects": Range(1, 10_000, whole=True),
    "length": Range(0, 10_000),
    "sign_id": Range(0, 10_000, whole=True),
    "object_id": Range(0, 10_000, whole=True),
    "factor": Range(1, 8, whole=True),
    "stride": Range(4, 32, whole=True),
}
OTHER = Range(-1e6, 1e6)
SIDE = Range(8, 16_384, whole=True)  # of the network's input
AXIS = Range(1, 1 << 20, whole=True)  # of an output


def kinds(fields: Mapping[str, Any]) -> Iterator[str]:
    """Which fields of `model.json` are of another kind than theirs: text, object, list of names."""
    for name in ("name", "version"):
        if not isinstance(fields[name], str):
            yield f"a {name} {fields[name]!r}, which is no text"
    for name in ("sha256", "info"):
        if not isinstance(fields[name], Mapping):
            yield f"{name} {fields[name]!r}, which is no object"
    for task in fields["tasks"].values():
        yield from (f"task {task['name']!r}: {fault}" for fault in _kinds(task))


def faults(fields: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the values of fields that have their kinds; `info` is free."""
    for side in fields["input_size"]:
        yield from _number("input_size", side, SIDE)
    for name, shape in fields.get("shapes", {}).items():
        for axis in shape:
            yield from () if axis is None else _number(f"shape of {name!r}", axis, AXIS)
    for task in fields["tasks"].values():
        yield from _of_task(task) or _sizes(task, fields.get("shapes", {}))
    yield from _together(fields["tasks"].values())
    for text in _texts({name: value for name, value in fields.items() if name != "info"}):
        if not text.isprintable() or not 0 < len(text) <= LONGEST:
            yield f"the text {text[:LONGEST]!r}, which is no name"


def _together(tasks: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    number = sum(len(task["classes"]) for task in tasks if task.get("kind") == "map")
    if number > MAP_CLASSES:
        yield f"{number} classes of maps instead of at most {MAP_CLASSES} together"


def _kinds(task: Mapping[str, Any]) -> Iterator[str]:
    for name in ("classes", "outputs", "needs"):
        if not isinstance(task[name], list | tuple) or not all(isinstance(t, str) for t in task[name]):
            yield f"{name} that are no list of names"
    if not isinstance(task["settings"], Mapping):
        yield f"settings {task['settings']!r}, which are no object"
    for name in ("name", "network", "kind"):
        if not isinstance(task.get(name, ""), str):
            yield f"a {name} {task[name]!r}, which is no text"


def _of_task(task: Mapping[str, Any]) -> list[str]:
    names = ("classes", "outputs", "needs")
    found = [f"{name} with a name twice" for name in names if len(set(task[name])) < len(task[name])]
    factor = task["settings"].get("factor")
    if task.get("kind") == "map" and type(factor) is not int:
        found.append(f"a factor {factor!r}, which is no whole number")
    if task.get("kind") and (len(task["outputs"]) != 1 or task["network"] != "main"):
        found.append("not one output of the main network, as an added task has")
    found += _values("settings", "", task["settings"])
    return [f"task {task['name']!r}: {fault}" for fault in found]


def _sizes(task: Mapping[str, Any], shapes: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Scores have a value for each class: outputs (n, classes), and `scores` of (n, classes, h, w).

    An added map has (n, classes * factor^2, h, w).
    """
    for output in task["outputs"]:
        shape = shapes.get(output, ())
        if task.get("kind") and len(shape) != 4:
            yield f"task {task['name']!r} without the shape of {output}"
        scores = len(shape) == 2 or (len(shape) == 4 and (".scores" in output or task.get("kind")))
        factor = task["settings"]["factor"] if task.get("kind") == "map" else 1
        if scores and shape[1] != len(task["classes"]) * factor**2:
            yield f"task {task['name']!r} with {len(task['classes'])} classes for {output} {list(shape)}"


def _values(where: str, name: str, value: Any) -> Iterator[str]:
    """Of a setting, of the members of one, and of those of theirs."""
    match value:
        case bool() | str() | None:
            return
        case int() | float():
            allowed = (own for end, own in SETTINGS.items() if name.endswith(end))
            yield from _number(f"{where}: {name}", value, next(allowed, OTHER))
        case list() | tuple():
            for item in value:
                yield from _values(where, name, item)
        case Mapping():
            for key, item in value.items():
                yield from _values(where, name or key, item)
        case _:
            yield f"{where}: {value!r}"


def _number(where: str, value: Any, allowed: Range) -> Iterator[str]:
    kinds = (int,) if allowed.whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not allowed.low <= value <= allowed.high:
        kind = "a whole number" if allowed.whole else "a number"
        yield f"{where}: {value!r} instead of {kind} from {allowed.low:g} to {allowed.high:g}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
