"""What a fault is, and what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tools.campaign.cameras import PASSWORD, WRONG
from tools.campaign.programs import TOKEN

SECRETS = (PASSWORD, WRONG, TOKEN)
PATIENCE_S = 60.0  # for what must happen; how fast it did is told
OLDEST_MS = 600.0  # of a scene that may be given, see docs/operations.md
WAKING_MS = 250.0  # so late a busy machine may wake a reader, who cannot know it
DETECTED_MS, RECOVERED_MS = 300.0, 1000.0  # the floors
COUNTS = ("captured", "answered", "dropped", "failed", "lost")
PRIVATE = ("login", "asked")  # files of ours in which passwords stand
MORE_KB, MORE_FILES = 60_000, 4  # that one fault may leave: caches that fill, a log; cycles are stricter


class Desk(Protocol):
    """Where faults are played: see `served.Desk`."""

    def folder(self) -> Path: ...
    def served(self, place: str, guarded: bool = False) -> Any: ...
    def clear(self, broken: bool) -> None: ...


class Absent(Exception):
    """What the fault needs cannot be had on this machine."""


class Broken(Exception):
    """The fault was not survived; the text says how."""


@dataclass
class Result:
    """Times in milliseconds, None: not measured for this fault. Counts of frames are of the whole process."""

    name: str
    family: str
    expects: str
    seen: str = ""
    detected_ms: float | None = None
    recovered_ms: float | None = None
    frames: dict[str, int] = field(default_factory=dict)
    invented: int = 0
    stale: int = 0
    oldest_ms: float | None = None  # of the scenes, when they were ready
    memory_kb: tuple[int, int] | None = None
    descriptors: tuple[int, int] | None = None
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    absent: str = ""

    @property
    def survived(self) -> bool:
        return not self.wrong and not self.absent

    @property
    def verdict(self) -> str:
        return "absent" if self.absent else "survived" if self.survived else "BROKEN"

    def expect(self, holds: bool, text: str) -> None:
        if not holds:
            self.wrong.append(text)

    def account(self, frames: dict[str, int], in_work: int = 0) -> None:
        """Frames must add up, but for those `in_work`."""
        self.frames = {name: frames.get(name, 0) for name in COUNTS}
        rest = self.frames["captured"] - sum(self.frames[name] for name in COUNTS[1:])
        self.expect(0 <= rest <= in_work, f"the frames do not add up: {self.frames}")

    def fresh(self, ages_ms: Sequence[float]) -> None:
        """No scene was older than it may be, since its picture was sent."""
        self.oldest_ms = max(ages_ms, default=None)
        late = [round(age) for age in ages_ms if age > OLDEST_MS + WAKING_MS]
        self.stale = len(late)
        self.expect(not late, f"{len(late)} scenes are stale: {late[:5]} ms")

    def measured(self, memory_kb: tuple[int, int], descriptors: tuple[int, int]) -> None:
        self.memory_kb, self.descriptors = memory_kb, descriptors
        self.expect(memory_kb[1] - memory_kb[0] < MORE_KB, f"memory grew: {memory_kb} kB")
        self.expect(descriptors[1] - descriptors[0] <= MORE_FILES, f"descriptors grew: {descriptors}")

    def keeps_secrets(self, folder: Path, texts: Iterable[str] = ()) -> None:
        found = [f"a text: {secret}" for secret in SECRETS for text in texts if secret in text]
        for path in folder.rglob("*"):
            if path.is_file() and path.name not in PRIVATE:
                data = path.read_bytes()
                found += [f"{path.name}: {secret}" for secret in SECRETS if secret.encode() in data]
        self.expect(not found, f"a secret stands in {', '.join(found)}")


class Fault(NamedTuple):
    name: str  # kind, place, moment
    family: str
    expects: str  # the state, reason or end that must be seen
    play: Callable[[Result, Desk], None]  # inject it, and say in the result what was seen


def await_(holds: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> float:
    """When it held, in monotonic seconds. Raises Broken."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return time.monotonic()
        time.sleep(0.005)
    raise Broken(f"{what}: not within {seconds:.0f} s")


def played(fault: Fault, desk: Desk) -> Result:
    """Never raises for what the fault does."""
    result, begun = Result(fault.name, fault.family, fault.expects), time.monotonic()
    try:
        fault.play(result, desk)
    except Absent as why:
        result.absent = str(why)
    except Exception as error:
        result.wrong.append(said(error))
    desk.clear(broken=not result.survived)
    result.seconds = time.monotonic() - begun
    return result


def said(error: Exception) -> str:
    """What was wrong; with its class where it is of the campaign itself, or of what that talks to."""
    own = isinstance(error, Absent | Broken | TimeoutError)
    return str(error) if own else f"{type(error).__name__}: {error}"
