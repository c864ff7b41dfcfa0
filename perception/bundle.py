"""A model bundle: a folder with `model.json`, network files and a model card.

`model.json` is `{"format": 1, ...}` with the fields of `ModelSpec`. It says which task reads which network
output, and the sha256 of every network file, so that a damaged or half-copied bundle is found on loading
and not on the road. `checksum`, its last key, is the sha256 of the text itself with an empty checksum in it.
Bundles of older versions have none. Who changes the text by hand empties it.

`ledger.csv` says which images the networks have learnt from; `info["ledger"]` sums it up. It has a checksum
as the network files have. Bundles of older versions have neither.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from perception import bundle_values
from perception.errors import BundleError, brief
from perception.limits import description, regular
from perception.outputs import write_whole
from perception.types import Size

FORMAT = 1
MODEL = "model.json"
LEDGER, LEDGER_INFO = "ledger.csv", "ledger"  # the file, and its summary in `info`
SEAL = '"checksum": "{}"'
UNSEALED = SEAL.format("")
MAIN = "main"  # the network that sees the whole image
PACKAGED = Path(__file__).parent / "bundles"  # those that come with the package
SHIPPED = PACKAGED / "road"  # the one that is used if none is named

Shape = tuple[int | None, ...]  # None: any size, such as a free batch


@dataclass(frozen=True)
class TaskSpec:
    """One task of a bundle, by names."""

    name: str
    classes: tuple[str, ...]
    outputs: tuple[str, ...]  # network outputs it reads
    needs: tuple[str, ...] = ()  # tasks whose results it reads
    network: str = MAIN  # which of the bundle's networks computes its outputs
    settings: Mapping[str, Any] = field(default_factory=dict)  # thresholds and the like
    kind: str = ""  # of an added task, a key of `perception.tasks.ADDED`; "": one of our own

    def number(self, setting: str, otherwise: float) -> float:
        """A setting. Raises BundleError unless it is a number."""
        value = self.settings.get(setting, otherwise)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BundleError(
                f"{self.name}: expected a number as settings.{setting}, got {value!r}; correct it in {MODEL}"
            )
        return value


@dataclass(frozen=True)
class ModelSpec:
    """What `model.json` says."""

    name: str
    version: str
    input_size: Size  # (width, height) of the input it was trained for: cost 1x
    tasks: Mapping[str, TaskSpec]  # by name, in decode order
    files: Mapping[str, Mapping[str, str]]  # precision -> network -> file name
    sha256: Mapping[str, str] = field(default_factory=dict)  # file name -> hex digest
    shapes: Mapping[str, Shape] = field(default_factory=dict)  # network output -> shape at `input_size`
    info: Mapping[str, Any] = field(default_factory=dict)  # free: metrics, training command, licences

    def shapes_at(self, size: Size) -> dict[str, Shape]:
        """`shapes` for another input size: maps (n, channels, h, w) grow with it."""
        return {name: _scaled(shape, self.input_size, size) for name, shape in self.shapes.items()}


def _scaled(shape: Shape, before: Size, after: Size) -> Shape:
    match shape:
        case (n, channels, int(height), int(width)):
            return n, channels, height * after[1] // before[1], width * after[0] // before[0]
    return shape


def folder(bundle: str | Path | None) -> Path:
    """Of a bundle: a folder, the name of one in `PACKAGED`, such as "road-open", or None for `SHIPPED`.

    What is there as a folder is meant rather than a name.
    """
    if bundle is None:
        return SHIPPED
    named = PACKAGED / bundle
    is_name = len(Path(bundle).parts) == 1 and (named / MODEL).is_file() and not Path(bundle).exists()
    return named if is_name else Path(bundle)


def packaged() -> list[str]:
    """Names of the bundles that come with the package."""
    return sorted(path.parent.name for path in PACKAGED.glob(f"*/{MODEL}"))


def read(directory: str | Path) -> ModelSpec:
    """The bundle in `directory`, checked: format, names, and every network file against its checksum.

    Raises BundleError.
    """
    directory = Path(directory)
    text = _text(directory / MODEL)
    spec, checksum = _parse(directory / MODEL, text)
    check(spec, directory)
    for file in _sealed_files(spec):
        _verify(directory / file, spec.sha256.get(file))
    if checksum and checksum != _sealed(text, checksum):
        raise BundleError(
            f"{directory / MODEL}: expected checksum {_sealed(text, checksum)}, got {checksum}. The text is "
            "damaged or was changed; copy the bundle again, or empty the checksum if that was on purpose"
        )
    return spec


def write(directory: str | Path, spec: ModelSpec) -> ModelSpec:
    """Put `model.json` beside the network files, which are already in `directory`; the spec as written.

    Checksums are taken here, from the files. The file is replaced in one step, so a reader sees the
    old bundle or the new one. Raises BundleError if a network file is missing or the spec contradicts itself.
    """
    directory = Path(directory)
    check(spec, directory)
    spec = replace(spec, sha256={file: _digest(directory / file) for file in _sealed_files(spec)})
    text = json.dumps({"format": FORMAT, **_fields(spec), "checksum": ""}, indent=1) + "\n"
    before, _, after = text.rpartition(UNSEALED)  # the last: `info` may have one of its own
    write_whole(directory / MODEL, f"{before}{SEAL.format(_sealed(text, ''))}{after}".encode())
    return spec


def _fields(spec: ModelSpec) -> dict[str, Any]:
    """For JSON; without the kinds of our own tasks, of which older versions do not know."""
    fields = asdict(spec)
    for task in fields["tasks"].values():
        if not task["kind"]:
            del task["kind"]
    return fields


def _sealed(text: str, checksum: str) -> str:
    """The checksum that belongs to a text with a checksum in it."""
    before, _, after = text.rpartition(SEAL.format(checksum))
    return hashlib.sha256((before + UNSEALED + after).encode()).hexdigest()


def _text(path: Path) -> str:
    try:
        return regular(path).read_bytes().decode()
    except FileNotFoundError:
        raise BundleError(
            f"{path.parent}: expected a model bundle, a folder with {MODEL} or "
            f"one of {', '.join(packaged())}; found none. Check the path"
        ) from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: expected JSON, got {error}. Export the bundle again") from error


def _parse(path: Path, text: str) -> tuple[ModelSpec, str]:
    """What it says, and its checksum; empty: none."""
    try:
        fields = description(text)
    except ValueError as error:
        raise BundleError(f"{path}: expected JSON, got {error}. Export the bundle again") from error
    found = fields.pop("format", None) if isinstance(fields, dict) else None
    if found != FORMAT:
        raise BundleError(
            f"{path}: expected bundle format {FORMAT}, got {found!r}. "
            "Export the bundle with this version of perception, or install the version that wrote it"
        )
    checksum = fields.pop("checksum", "")
    try:
        spec = _spec(fields)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise BundleError(
            f"{path}: expected the fields of a bundle, got {brief(error)}. Export it again"
        ) from error
    if not isinstance(checksum, str):
        raise BundleError(f"{path}: expected a checksum as text, got {checksum!r}. Copy the bundle again")
    return spec, checksum


def _spec(fields: dict[str, Any]) -> ModelSpec:
    """JSON has lists where the spec has tuples."""
    width, height = fields.pop("input_size")
    files = {precision: dict(files) for precision, files in fields.pop("files").items()}
    if strange := [file for own in files.values() for file in own.values() if not isinstance(file, str)]:
        raise TypeError(f"a file named {strange[0]!r}")
    tasks = {name: _task(task) for name, task in fields.pop("tasks").items()}
    shapes = {name: tuple(shape) for name, shape in fields.pop("shapes", {}).items()}
    return ModelSpec(input_size=(width, height), files=files, tasks=tasks, shapes=shapes, **fields)


def _task(fields: dict[str, Any]) -> TaskSpec:
    tuples: dict[str, Any] = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    return TaskSpec(**{**fields, **tuples})


def check(spec: ModelSpec, directory: Path) -> None:
    """Raises BundleError, which names `directory`, if the spec does not agree with itself."""
    fields = _fields(spec)
    groups = bundle_values.kinds(fields), bundle_values.faults(fields), _contradictions(spec)
    if faults := next(filter(None, map(list, groups)), []):  # a group relies on those before it
        raise BundleError(f"{directory}: expected a whole bundle, got {'; '.join(faults)}. Export it again")


def _contradictions(spec: ModelSpec) -> Iterator[str]:
    for task in spec.tasks.values():
        yield from _faults(task, spec)
    yield from (f"file {file!r} outside the bundle" for file in _files(spec) if Path(file).name != file)
    if not spec.tasks:
        yield "no tasks"
    if not spec.files:
        yield "no network files"


def _faults(task: TaskSpec, spec: ModelSpec) -> Iterator[str]:
    if spec.tasks.get(task.name) is not task:
        yield f"task {task.name!r} under another name"
    if not task.classes:
        yield f"task {task.name!r} without classes"
    for need in set(task.needs) - set(spec.tasks):
        yield f"task {task.name!r} needs {need!r}, which is not there"
    for precision, files in spec.files.items():
        if task.outputs and task.network not in files:
            yield f"task {task.name!r} needs network {task.network!r}, which {precision} lacks"


def _files(spec: ModelSpec) -> list[str]:
    return sorted({file for files in spec.files.values() for file in files.values()})


def _sealed_files(spec: ModelSpec) -> list[str]:
    """Those with a checksum."""
    return [*_files(spec), *([LEDGER] if LEDGER_INFO in spec.info else [])]


def _verify(path: Path, expected: str | None) -> None:
    got = _digest(path)
    if got != expected:
        raise BundleError(
            f"{path}: expected sha256 {expected}, got {got}. The file is damaged or of another bundle; "
            "copy the bundle again"
        )


def _kind(path: Path) -> str:
    return "ledger" if path.name == LEDGER else "network file"


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(regular(path).read_bytes()).hexdigest()
    except OSError as error:
        raise BundleError(
            f"{path}: expected a {_kind(path)} of the bundle, got {error.strerror}. Copy the bundle again"
        ) from error
