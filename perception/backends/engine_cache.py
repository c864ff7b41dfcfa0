"""TensorRT engines on disk: found by what they were built from and for, checked, never half there.

    <folder>/<key>/engine.plan, record.json   an engine; the record has its checksum and what the key is of
    <folder>/<key>.<pid>.part/                one that is being built
    <folder>/<key>.bad/                       the last one that was not fit for use, kept to look at
    <folder>/<key>.lock                       held while one is built; empty
    <folder>/<timing>.timing                  what TensorRT measured on this device, for the next build

An engine appears by one rename of its folder, after everything in it has reached the disk. So a power cut
leaves the old state or the new one, and perhaps a `.part`, which the next builder removes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from perception import outputs
from perception.backends import kept
from perception.backends.onnx_size import size_of
from perception.bundle import MAIN, TaskSpec
from perception.driver import look
from perception.errors import BackendUnavailable, BundleError, brief
from perception.kernels.launch import MAX_SIGNS
from perception.types import Size

SCHEMA = 1  # of the key and the record: another number finds none of the old engines
PLAN, RECORD = "engine.plan", "record.json"
writing = partial(outputs.writing, option="XDG_CACHE_HOME")
PRECISIONS = ("trt.int8", "fp16", "fp32")
WORKSPACE_MB = 1024
HOW = ("dla_core", "workspace_mb")  # options that say how an engine is built, not what it computes
L4T = Path("/etc/nv_tegra_release")


@dataclass(frozen=True)
class DeviceFacts:
    """What an engine is bound to beside TensorRT: it is fit for this device and system only."""

    name: str  # such as "Orin"
    capability: tuple[int, int]  # compute capability; (8, 7) is Orin
    cuda: str  # of the driver, such as "12.6"
    l4t: str | None = None  # Jetson Linux release, such as "R36.4.3"; None: not a Jetson


@dataclass(frozen=True)
class EngineOptions:
    """What of the network goes into the engine, and how it is built."""

    precision: str = "trt.int8"  # of the file: one of PRECISIONS. Only TensorRT before 10 has to be told
    outputs: tuple[str, ...] | None = None  # only these and what leads to them; None: all
    batch: int | None = None  # the size of a free first axis of the input
    dla_core: int | None = None  # run on this DLA core, what it cannot on the GPU
    workspace_mb: int = WORKSPACE_MB  # device memory that one layer may borrow
    size: Size | None = None  # (width, height) of the images; None: what the file declares

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise BundleError(f"expected precision {', '.join(PRECISIONS)}, got {self.precision!r}")


@dataclass(frozen=True)
class Entry:
    """An engine in the cache."""

    plan: Path
    checked: bool  # its outputs were compared with known answers
    dla_core: int | None  # which runs it


class Disk(Protocol):
    """The steps that change the disk: a test makes any one of them the last."""

    def make(self, folder: Path) -> None: ...
    def write(self, path: Path, data: bytes) -> None: ...
    def sync(self, path: Path) -> None:
        """Return when the file, or the folder's list of names, is on the disk."""

    def rename(self, source: Path, target: Path) -> None: ...
    def remove(self, path: Path) -> None:
        """A file or a whole folder, if it is there."""


class RealDisk:
    def make(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)

    def sync(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, source: Path, target: Path) -> None:
        source.rename(target)

    def remove(self, path: Path) -> None:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def this_device() -> DeviceFacts:
    """Of the first device here, from the driver. Raises BackendUnavailable if there is none."""
    driver = look()
    return DeviceFacts(driver.name, driver.capability, "{}.{}".format(*driver.version), l4t(L4T))


def l4t(path: Path) -> str | None:
    """Jetson Linux release: "R36.4.3" of "# R36 (release), REVISION: 4.3, ..."; None: there is no file."""
    try:
        match = re.search(r"(R\d+).*?REVISION:\s*([\d.]*\d)", path.read_text())
    except OSError:
        return None
    return f"{match[1]}.{match[2]}" if match else "unknown"


def options_for(
    tasks: Iterable[TaskSpec],
    precision: str,
    dla_core: int | None = None,
    workspace_mb: int = WORKSPACE_MB,
    size: Size | None = None,
) -> dict[str, EngineOptions]:
    """Network of a bundle -> what its engine holds: the outputs that `tasks` read, and no others.

    `size`: of the main network's images.
    """
    outputs: dict[str, list[str]] = {}
    for task in tasks:
        outputs.setdefault(task.network, []).extend(task.outputs)
    return {
        network: EngineOptions(
            precision,
            tuple(names),
            1 if network == MAIN else MAX_SIGNS,
            dla_core,
            workspace_mb,
            size if network == MAIN else None,
        )
        for network, names in outputs.items()
        if names
    }


def user_cache() -> Path:
    """Where engines go unless told otherwise: `$XDG_CACHE_HOME/perception/engines`."""
    return kept.folder("engines")


def identity(model: bytes, tensorrt: str, options: EngineOptions, facts: DeviceFacts) -> dict[str, Any]:
    """All that an engine depends on. `tensorrt`: version and build. The order of `outputs` has no meaning."""
    wanted = asdict(options)
    wanted["outputs"] = None if options.outputs is None else sorted(options.outputs)
    size = wanted.pop("size")
    if size is not None and size != size_of(model):  # the file's own is the same engine, asked for or not
        wanted["size"] = list(size)
    return {
        "schema": SCHEMA,
        "model": hashlib.sha256(model).hexdigest(),
        "tensorrt": tensorrt,
        "device": {**asdict(facts), "capability": list(facts.capability)},
        "options": wanted,
    }


def digest(value: Any) -> str:
    """Hex sha256 of the value as JSON, its first 32 digits: enough for a name."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


class EngineCache:
    """The engines in `folder`. Raises SinkError where the disk fails."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder = folder
        self.disk = disk or RealDisk()

    def find(self, of: dict[str, Any]) -> Entry | None:
        """The engine built from and for `of`, whole; None if there is none.

        Raises BundleError if there is one, but not as it was written, or of something else.
        """
        home = self.folder / digest(of)
        if not home.is_dir():
            return None
        try:
            record = json.loads((home / RECORD).read_bytes())
            plan = (home / PLAN).read_bytes()
            intact = record["sha256"] == hashlib.sha256(plan).hexdigest() and record["of"] == of
            checked = bool(record["checked"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{home}: expected an engine and its record, got {brief(error)}") from error
        if not intact:
            raise BundleError(f"{home}: expected the engine that its record tells of, got a damaged one")
        return Entry(home / PLAN, checked, of["options"]["dla_core"])

    def sound(self, of: dict[str, Any]) -> Entry | None:
        """The same; None also for one that is damaged."""
        try:
            return self.find(of)
        except BundleError:
            return None

    def ready(self, of: dict[str, Any], command: str) -> Entry:
        """The stored engine, for a program that cannot build one, however it was built.

        Of several it is the one that was built or asked for last. Raises BackendUnavailable without one, with
        the `command` that builds it.
        """
        stored = [*self._alike(of), of]
        if entry := next(filter(None, map(self.sound, stored)), None):
            return entry
        try:
            for own in stored:
                self.find(own)
        except BundleError as error:
            raise BackendUnavailable(str(error), f"build it again: `{command}`") from error
        raise BackendUnavailable(
            f"expected an engine for {of['device']['name']} and TensorRT {of['tensorrt']} in "
            f"{self.folder}, got none",
            f"build it: `{command}`",
        )

    def prefer(self, entry: Entry) -> None:
        """Of all that are built from and for the same, `ready` shall give this one."""
        now = time.time_ns()  # the disk's own clock is coarser
        with suppress(OSError):  # a cache that is only read has its order
            os.utime(entry.plan.with_name(RECORD), ns=(now, now))

    def _alike(self, of: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """What the stored engines that compute the same are built from and for, the latest first."""
        found = []
        for home in self.folder.glob("*"):
            with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                record = home / RECORD
                own = json.loads(record.read_bytes())["of"]
                if digest(own) == home.name and _what(own) == _what(of):
                    found.append((record.stat().st_mtime_ns, own))
        return (own for _, own in sorted(found, key=lambda pair: pair[0], reverse=True))

    @contextmanager
    def building(self, of: dict[str, Any], waiting: Callable[[], None] = lambda: None) -> Iterator[Path]:
        """The right to build, and a folder for it that `start` makes: others wait.

        Nothing of the folder stays unless it is kept.

        `waiting` is called once if another process builds this engine now. The kernel gives the lock back
        when its holder ends, however it ends.
        """
        key = digest(of)
        with writing(self.folder):
            self.disk.make(self.folder)
            lock = (self.folder / f"{key}.lock").open("ab")
        with lock:
            _lock(lock.fileno(), waiting)
            part = self.folder / f"{key}.{os.getpid()}.part"
            try:
                with writing(self.folder):
                    for left in self.folder.glob(f"{key}.*.part"):  # of a builder that is gone
                        self.disk.remove(left)
                yield part
            finally:
                with suppress(OSError):
                    self.disk.remove(part)

    def start(self, part: Path) -> None:
        """Make the folder to build in. Only while `building`."""
        with writing(part):
            self.disk.make(part)

    def keep(self, part: Path, of: dict[str, Any], checked: bool) -> Entry:
        """Put the finished `part` in its place. Only while `building`."""
        home = self.folder / digest(of)
        record = {
            "sha256": hashlib.sha256((part / PLAN).read_bytes()).hexdigest(),
            "checked": checked,
            "of": of,
        }
        with writing(home):
            self.disk.write(part / RECORD, (json.dumps(record, indent=1) + "\n").encode())
            for path in (part / PLAN, part / RECORD, part):
                self.disk.sync(path)
            self.disk.rename(part, home)
            self.disk.sync(self.folder)
        return Entry(home / PLAN, checked, of["options"]["dla_core"])

    def confirm(self, entry: Entry) -> Entry:
        """Note that a stored engine agrees with its known answers. Only while `building`."""
        path = entry.plan.with_name(RECORD)
        record = json.loads(path.read_bytes()) | {"checked": True}
        new = path.with_name(RECORD + ".part")
        with writing(path):
            self.disk.write(new, (json.dumps(record, indent=1) + "\n").encode())
            self.disk.sync(new)
            self.disk.rename(new, path)
            self.disk.sync(path.parent)
        return replace(entry, checked=True)

    def quarantine(self, of: dict[str, Any], part: Path | None = None) -> Path:
        """Take the stored engine, or that in `part`, out of use; where it is now. Only while `building`."""
        home = self.folder / digest(of)
        bad = home.with_name(home.name + ".bad")
        with writing(bad):
            self.disk.remove(bad)
            self.disk.rename(part or home, bad)
            self.disk.sync(self.folder)
        return bad


def _what(of: dict[str, Any]) -> dict[str, Any]:
    """`of` without how it is built."""
    return {**of, "options": {name: value for name, value in of["options"].items() if name not in HOW}}


def _lock(handle: int, waiting: Callable[[], None]) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(handle, fcntl.LOCK_EX)
