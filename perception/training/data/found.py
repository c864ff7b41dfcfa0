"""What a run will learn from, told before it starts; and what cannot work, refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from perception.errors import DataError
from perception.labels.boxes import UNSURE, sign_name
from perception.labels.classes import nearest, plain
from perception.labels.vocabulary import Vocabulary
from perception.tasks.detection import CLASSES
from perception.tasks.signs import CLASSES as SIGN_CLASSES
from perception.training.classes import vocabulary
from perception.training.config import Config
from perception.training.data import signs
from perception.training.data.foreign import TASKS, Pictures
from perception.training.data.sample import Sample
from perception.training.data.sources import RENDERED, read_data, share

SIGNS = "signs"
SHOWN = 6  # pictures whose size is looked up where labels do not tell it


@dataclass
class Found:
    """What one data set has."""

    pictures: int = 0
    tasks: Counter[str] = field(default_factory=Counter)  # -> pictures that are labelled for it
    boxes: Counter[str] = field(default_factory=Counter)  # class -> sure boxes
    labelled: Counter[str] = field(default_factory=Counter)  # class -> pictures in which all have a box
    sizes: Counter[str] = field(default_factory=Counter)
    signs: Counter[str] = field(default_factory=Counter)  # class -> signs of it
    remarks: tuple[str, ...] = ()


def survey(data: Path | None, config: Config) -> dict[str, Found]:
    """Of every data set but the rendered scenes, which tell everything. Raises DataError."""
    words, frames = vocabulary(config), read_data(data, config)
    _check_names(frames, words)
    found = {name: _of(samples) for name, samples in frames.items() if len(samples)}
    if data is not None and config.licences == "any":
        crops = Counter(crop.name for crop in signs.crops(data))
        found |= {"signs.csv": Found(signs=crops)} if crops else {}
    _check_new("detection", words.objects, CLASSES, [own.boxes for own in found.values()])
    _check_new("signs", words.signs, SIGN_CLASSES, [own.signs for own in found.values()])
    return found


def _check_names(frames: Mapping[str, Sequence[Sample]], words: Vocabulary) -> None:
    """Raises DataError if the user names a class that no data set has."""
    there = {plain(n): n for own in frames.values() if isinstance(own, Pictures) for n in own.classes}
    for name, _ in (*words.names, *words.sign_names):
        if plain(name) not in there:
            names = ", ".join(sorted(there.values())) or "none"
            raise DataError(
                f"classes: expected a class of the data sets ({names}), got {name!r}{nearest(name, there)}. "
                "Write it as they do"
            )


def _check_new(task: str, classes: Sequence[str], ours: Sequence[str], seen: Sequence[Counter[str]]) -> None:
    """Raises DataError if a class that ours has not is nowhere labelled."""
    there = {name for counts in seen for name in counts}
    for name in classes:
        if name not in (*ours, *there):
            names = ", ".join(sorted(there)) or "none"
            raise DataError(
                f"{task}.classes: expected labels of {name!r}, got none in the data sets, which have {names}"
                f'{nearest(name, there)}. Say what they call it: --set \'classes={{"NAME": "{name}"}}\''
            )


def _of(samples: Sequence[Sample]) -> Found:
    if isinstance(samples, Pictures):
        samples.check()
        return _of_pictures(samples)
    found = Found(len(samples))
    for sample in samples:
        found.tasks.update(sample.tasks())
        found.sizes["{1} x {0}".format(*sample.image.shape)] += 1
        if sample.boxes is not None:
            found.boxes.update(CLASSES[k] for k in sample.boxes.label[sample.boxes.sure])
            found.signs.update(SIGN_CLASSES[k] for k in sample.boxes.sign if k >= 0)
        if sample.negative_weight is not None:
            found.labelled.update(
                n for n, sure in zip(CLASSES, sample.negative_weight, strict=True) if sure > 0
            )
    return found


def _of_pictures(pictures: Pictures) -> Found:
    """From the labels; pictures are opened only to tell their size, a few of them."""
    found = Found(len(pictures), remarks=pictures.remarks)
    for told in pictures.told:
        found.tasks.update(told.tasks)
        if told.boxes is not None:
            sure = [box for box in told.boxes.boxes if box.extra != UNSURE]
            found.boxes.update(box.name for box in sure)
            found.labelled.update(told.boxes.labelled)
            found.sizes["{} x {}".format(*told.boxes.size)] += 1
            found.signs.update(name for box in sure if (name := sign_name(box)))
    if not found.sizes:
        found.sizes.update("{1} x {0}".format(*sample.image.shape) for sample in pictures.some(SHOWN))
    return found


def check(found: Mapping[str, Found], config: Config, named: Sequence[object]) -> None:
    """Raises DataError: nothing of what the user named is used, or a task has no label.

    `named`: what the user named; empty: only rendered scenes are asked for.
    """
    if named and not found:
        places = ", ".join(map(str, named))
        raise DataError(
            f"--data {places}: expected labelled pictures to learn from, found none that is used. Put their "
            "format before the folder, such as coco:, or look at their split: `train` is learnt from"
        )
    rendered = share(RENDERED, config) > 0 and config.rendered > 0
    empty = [task for task in config.tasks if not rendered and not labels_of(found, task)]
    if empty:
        rest = [task for task in config.tasks if task not in empty]
        how = f"ask for {rest} only: --set 'tasks={list_of(rest)}'" if rest else "add labels of it"
        raise DataError(
            f"tasks: expected labels of {', '.join(config.tasks)}, got none of {', '.join(empty)}: nothing "
            f"would be learnt of it. Name data that has them, or {how}"
        )


def list_of(names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def labels_of(found: Mapping[str, Found], task: str) -> int:
    """Labelled pictures of a task; of signs, those whose class is known."""
    own = (f.signs.total() if task == SIGNS else f.tasks[task] for f in found.values())
    return sum(own)


def show(found: Mapping[str, Found], config: Config, console: Console, held: Sequence[Pictures] = ()) -> None:
    """As a table, with what is absent where. `held`: what the best weights are chosen by."""
    table = Table("data set", "pictures", "size", *TASKS, "signs read", "share", title="Learnt from")
    total = sum(share(name, config) for name in (*found, RENDERED) if name != "signs.csv")
    for name, own in found.items():
        part = "" if not own.pictures else f"{share(name, config) / total:.0%}"
        table.add_row(escape(name), *_counts(own), part)
    if share(RENDERED, config) > 0:
        every = [str(config.rendered)] * len(TASKS)
        part = f"{share(RENDERED, config) / total:.0%}"
        table.add_row("rendered scenes", str(config.rendered), "", *every, "yes", part)
    for pictures in held:
        table.add_row(escape(f"{pictures.name} (val)"), *_counts(_of_pictures(pictures)), "")
    console.print(table)
    for line in _lines(found, config):
        console.print(escape(line), highlight=False, soft_wrap=True)


def _counts(found: Found) -> list[str]:
    """Cells: pictures, size, labels of each task, signs read."""
    told = [found.pictures, *(found.tasks[task] for task in TASKS), found.signs.total()]
    first, *rest = (str(count or "-") for count in told)
    return [first, _size(found), *rest]


def _size(found: Found) -> str:
    shown = [size for size, _ in found.sizes.most_common(2)]
    return ", ".join(shown) + (", ..." if len(found.sizes) > 2 else "")


def _lines(found: Mapping[str, Found], config: Config) -> Iterator[str]:
    classes = vocabulary(config).objects
    if classes != CLASSES:
        yield f"classes of objects: {', '.join(classes)}"
    for name, own in found.items():
        if own.tasks["detection"]:
            boxes = ", ".join(f"{n} {own.boxes[n]}" for n in classes if own.boxes[n]) or "no box"
            absent = ", ".join(n for n in classes if not own.labelled[n])
            yield f"{name}: {boxes}" + (
                f"; not labelled, so not learnt as absent: {absent}" if absent else ""
            )
        yield from (f"{name}: {remark}" for remark in own.remarks)
    if share(RENDERED, config) > 0 and (new := [n for n in classes if n not in CLASSES]):
        yield f"rendered scenes: not learnt as absent: {', '.join(new)}"
    for task in config.tasks:
        if share(RENDERED, config) > 0 and not labels_of(found, task):
            yield f"{task}: learnt from rendered scenes only"
