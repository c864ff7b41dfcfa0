"""The classes of the network that a run trains: what its settings, or a small file, say.

    detection:                 # name in the data sets: class of the network
      "*":                     # ours, too
      forklift:                # called so there and here
      Gabelstapler: forklift   # another name for it
      dog: ""                  # left out
    signs:
      stop sign: stop
    lanes:                     # to our kinds: these are told by the rhythm of the paint, and not learnt
      single white: solid

A list stands for names that are kept: `detection: ["*", forklift]`. The same as settings:
`detection.classes=["*", "forklift"]` and `classes={"Gabelstapler": "forklift", "dog": ""}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from perception.errors import DataError
from perception.labels.classes import nearest, written
from perception.labels.vocabulary import SIGN, Vocabulary
from perception.labels.yolo import read_yaml
from perception.tasks import detection, lanes, signs
from perception.training.config import Config

OURS = "*"  # in a list of classes
NAME = re.compile(r"[A-Za-z0-9]\w*([ -]\w+)*")  # of a class: it is part of the names of metrics
TABLE = {"detection": detection.CLASSES, "signs": signs.CLASSES, "lanes": lanes.CLASSES}
CHOSEN = ("detection", "signs")  # tasks with classes that one may choose


def vocabulary(config: Config) -> Vocabulary:
    """Raises DataError for classes that cannot be."""
    objects, signs_ = (_classes(task, getattr(config, task)) for task in CHOSEN)
    if "signs" in config.tasks and SIGN not in objects:
        rest = [task for task in config.tasks if task != "signs"]
        raise DataError(
            f"detection.classes: expected {SIGN}, whose boxes the task signs reads, got "
            f"{', '.join(objects)}. Add it, or leave out the task: --set 'tasks={_json(rest)}'"
        )
    lines = tuple(config.lanes.get("names", {}).items())
    for name, kind in lines:
        if kind not in ("", *lanes.CLASSES):
            raise DataError(
                f'lanes: expected {name!r} to be one of {", ".join(lanes.CLASSES)}, or "" to leave it out, '
                f"got {kind!r}{nearest(kind, lanes.CLASSES)}. The kinds of lane lines are fixed"
            )
    sign_names = tuple(config.signs.get("names", {}).items())
    return Vocabulary(objects, signs_, tuple(config.classes.items()), sign_names, lines)


def of_vocabulary(config: Config, words: Vocabulary) -> Config:
    """`config` with the classes of a bundle, and what its data sets call them."""
    return replace(
        config,
        detection={"classes": words.objects},
        signs={"classes": words.signs, "names": dict(words.sign_names)},
        lanes={"names": dict(words.line_names)},
        classes=dict(words.names),
    )


def _classes(task: str, said: Mapping[str, Any]) -> tuple[str, ...]:
    listed = tuple(said.get("classes", ())) or (OURS,)
    names = [name for item in listed for name in (TABLE[task] if item == OURS else (item,))]
    for name in names:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise DataError(
                f"{task}.classes: expected names of letters, digits, _ and -, got {name!r}. "
                f"Call it {written(str(name)) or 'thing'!r}"
            )
        if names.count(name) > 1:
            raise DataError(f"{task}.classes: expected every class once, got {name!r} twice. Drop one")
    return tuple(names)


def with_file(config: Config, path: Path) -> Config:
    """`config` with the classes of a small YAML file, which go before those of its settings.

    Raises DataError.
    """
    if not path.is_file():
        raise DataError(f"{path}: expected a file that names classes, found none. Check --classes")
    for task, said in _sections(path):
        classes, names = _read(path, task, said)
        if task == "detection":
            config = replace(config, detection={"classes": classes}, classes={**config.classes, **names})
        elif task == "signs":
            config = replace(config, signs={"classes": classes, "names": names})
        else:
            config = replace(config, lanes={"names": names})
    return config


def _sections(path: Path) -> Iterator[tuple[str, Any]]:
    for task, said in read_yaml(path).items():
        if task not in TABLE:
            raise DataError(
                f"{path}: expected classes of {', '.join(TABLE)}, got {task!r}{nearest(task, TABLE)}. "
                "Begin with one of these"
            )
        yield task, said


def _read(path: Path, task: str, said: Any) -> tuple[tuple[str, ...], dict[str, str]]:
    """The classes of a task in the order in which they are named, and the names that are not theirs."""
    rows = dict.fromkeys(said) if isinstance(said, list) else said
    if not isinstance(rows, Mapping) or not rows:
        raise DataError(f"{path}: expected `name: class` rows below {task}, got {said!r}. Write one a line")
    named = {name: name if value is None else str(value) for name, value in rows.items()}
    classes = tuple(dict.fromkeys(own for own in named.values() if own))
    return classes, {name: own for name, own in named.items() if name != own}


def _json(names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
