"""Which images a network has learnt from, with their licences: a row for each, kept with the weights.

A run writes it as `ledger.csv` and keeps it in its checkpoint; what the run starts from brings its own rows.
`perception export` copies it into the bundle. The licences are those of `data.licences`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from perception import bundle
from perception.errors import BundleError, DataError
from perception.tasks import TASKS
from perception.training.config import Config
from perception.training.data import signs
from perception.training.data.foreign import Pictures, Told
from perception.training.data.licences import ORIGINS, origin
from perception.training.data.records import OPEN_TEACHERS, TEACHERS, teacher_of
from perception.training.data.sample import Sample
from perception.training.data.synthetic import VERSION

UNSAID = "not stated"
SCENES = re.compile(r"synthetic:seeds 0-(\d+) of renderer (\d+)")


class Row(NamedTuple):
    image: str  # path in the data folder; rendered scenes and unknown images have one row for all
    source: str  # a name in ORIGINS
    licence: str
    labels: str  # tasks it has truth for
    teachers: str  # whose labels are among them, names in ORIGINS


def of_run(data: Path | None, config: Config, frames: Mapping[str, Sequence[Sample]]) -> list[Row]:
    """What a run of `config` sees of the folder `data`; `frames` as `read_sources` gives them."""
    rows = []
    for name, samples in frames.items():
        if isinstance(samples, Pictures):
            rows += [_of_picture(name, told, config) for told in samples.told]
        elif name != "synthetic" and data is not None:
            rows += [_of_sample(data.resolve(), sample, config) for sample in samples]
    if "synthetic" in frames and config.rendered > 0:
        rows.append(
            _row(
                f"synthetic:seeds 0-{config.rendered - 1} of renderer {VERSION}",
                " ".join(sorted(config.tasks)),
            )
        )
    if "signs" in config.tasks and config.licences == "any" and data is not None:
        rows += [_row(crop.image.relative_to(data).as_posix(), "signs") for crop in signs.crops(data)]
    return rows


def unrecorded(what: str) -> list[Row]:
    """Of weights that have no ledger."""
    return [_row(f"unrecorded:{what}", "unknown")]


def _of_picture(source: str, told: Told, config: Config) -> Row:
    """Of a data set that its user brought: nobody said what its licence allows."""
    labels = told.tasks | ({"signs"} if told.boxes is not None and told.boxes.reads else set())
    return Row(str(told.image), source, UNSAID, " ".join(sorted(labels & set(config.tasks))), "")


def _of_sample(data: Path, sample: Sample, config: Config) -> Row:
    teachers = OPEN_TEACHERS if config.licences == "open" else TEACHERS
    teacher = teacher_of(data, sample.name, teachers)
    reads = sample.boxes is not None and bool((sample.boxes.sign >= 0).any())
    labels = (sample.tasks() | ({"signs"} if reads else set())) & set(config.tasks)
    path = Path(sample.name)
    maps = [data / "weak" / path.parent.parent.name / f"{path.stem}.{kind}.png" for kind in TASKS]
    files = [teacher.file] if teacher is not None else []
    files += ["weak/"] if any(file.is_file() for file in maps) else []
    return _row(sample.name, " ".join(sorted(labels)), " ".join(map(origin, files)))


def _row(image: str, labels: str, teachers: str = "") -> Row:
    source = origin(image)
    return Row(image, source, ORIGINS[source].licence, labels, teachers)


def merged(*parts: Iterable[Row]) -> list[Row]:
    """All rows, each once, as they are written."""
    return list(dict.fromkeys(row._replace(image=_written(row.image)) for part in parts for row in part))


def closed(rows: Iterable[Row]) -> list[Row]:
    """Those that forbid commercial use of what learnt from them; rows that contradict `ORIGINS` are, too."""
    return [row for row in rows if not _is_open(row)]


def _is_open(row: Row) -> bool:
    try:
        fits = origin(row.image) == row.source and ORIGINS[row.source].licence == row.licence
        return fits and all(ORIGINS[name].commercial for name in (row.source, *row.teachers.split()))
    except KeyError:
        return False


def check(rows: Sequence[Row]) -> None:
    """Raises DataError if `rows` do not allow commercial use."""
    left = closed(rows)
    if left or not rows:
        what = f"{len(left)} of others, such as {left[0].image}: {left[0].licence}" if left else "no row"
        raise DataError(
            "licences=open: expected images and labels that may be used commercially, got "
            f"{what}. Start from weights that learnt from no others, in another --out"
        )


def to_csv(rows: Iterable[Row]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(Row._fields)
    table.writerows(rows)
    return _written(text.getvalue())


def _written(text: str) -> str:
    """With the bytes of a file's name that are no UTF-8 as escapes."""
    return text.encode(errors="backslashreplace").decode()


def parse(text: str, where: str) -> list[Row]:
    """The rows of `to_csv`. Raises DataError; `where` is named in it."""
    try:
        header, *lines = csv.reader(io.StringIO(text))
        if tuple(header) != Row._fields:
            raise ValueError(header)
        return [Row(*line) for line in lines]
    except (ValueError, TypeError, csv.Error) as error:
        columns = ", ".join(Row._fields)
        raise DataError(f"{where}: expected a ledger with the columns {columns}, got {error}") from error


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """By source and by teacher, for `model.json`, and whether commercial use is allowed."""
    sources = {name: _summed(name, [row for row in rows if row.source == name]) for name in _sources(rows)}
    teachers = sorted({name for row in rows for name in row.teachers.split()})
    return {
        "commercial": bool(rows) and not closed(rows),
        "sources": sources,
        "teachers": {name: _said(name) for name in teachers},
    }


def _sources(rows: Iterable[Row]) -> Iterator[str]:
    yield from dict.fromkeys(row.source for row in rows)


def _summed(source: str, rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "images": _count({row.image for row in rows}),
        "labels": sorted({label for row in rows for label in row.labels.split()}),
        "teachers": sorted({name for row in rows for name in row.teachers.split()}),
        **_said(source),
    }


def _count(images: Collection[str]) -> int:
    """Scenes of one renderer are counted once: its longest row holds the others."""
    found = [match for match in map(SCENES.fullmatch, images) if match]
    scenes: dict[str, int] = {}
    for last, renderer in (match.groups() for match in found):
        scenes[renderer] = max(scenes.get(renderer, 0), int(last) + 1)
    return len(images) - len(found) + sum(scenes.values())


def _said(name: str) -> dict[str, Any]:
    """Of a source or teacher. One that this version does not know may not be used commercially."""
    own = ORIGINS.get(name, ORIGINS["unrecorded"])
    return {"licence": own.licence, "commercial": own.commercial, "citation": own.citation}


def of_bundle(folder: Path) -> list[Row]:
    """Empty: it has none. Raises BundleError if the bundle is damaged."""
    spec = bundle.read(folder)
    if bundle.LEDGER_INFO not in spec.info:
        return []
    path = folder / bundle.LEDGER
    return parse(path.read_text(), str(path))


def check_bundle(folder: Path) -> None:
    """Raises BundleError if a bundle may be used commercially in its own words, but not by its ledger."""
    said = bundle.read(folder).info.get(bundle.LEDGER_INFO, {})
    if said.get("commercial") and (left := closed(of_bundle(folder))):
        raise BundleError(
            f"{folder}: expected a ledger of images that allow commercial use, got {len(left)} rows of "
            f"others, such as {left[0].image}. Train it again with licences=open"
        )
