"""The log of the commands: its forms, its file, and that nothing fills it with one and the same message."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from perception.errors import SinkError
from perception.redaction import redacted

FORMS = ("text", "json")
LARGEST, KEPT = 10_000_000, 3  # bytes of the file, and how many full ones stay beside it
KINDS = 256  # of messages that are remembered
NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")
LINE = re.compile(rb'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ |\{"time_ns": \d+, "level": ')  # both forms
BURST, PAUSE_S = 5, 10.0  # so often the same message is told at once, and then every so many seconds


class Redacting(logging.Formatter):
    """Of records of other packages too: what FFmpeg says names the URL."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class JsonLines(logging.Formatter):
    """A record as one line of JSON; `health` is there where a state changed."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time_ns": round(record.created * 1e9),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        if health := getattr(record, "health", None):
            told["health"] = health
        if record.exc_info:
            told["exception"] = redacted(self.formatException(record.exc_info))
        return json.dumps(told)


class Seldom(logging.Handler):
    """Passes the same message on BURST times, then every PAUSE_S, with how many it kept back.

    Messages are the same if they differ in their values or numbers alone. Changes of health all pass, and so
    do errors.
    """

    def __init__(
        self, handlers: Sequence[logging.Handler], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._handlers, self._clock = handlers, clock
        self._seen: dict[tuple[str, ...], Seen] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.ERROR and not hasattr(record, "health"):
            seen = self._of_kind(record.name, NUMBERS.sub("#", str(record.msg)))
            if not seen.passes(self._clock()):
                return
            if seen.kept:
                record.msg, record.args = f"{record.getMessage()} (and {seen.kept} more of this kind)", None
                seen.kept = 0
        for handler in self._handlers:
            handler.handle(record)

    def close(self) -> None:
        for handler in self._handlers:
            handler.close()
        super().close()

    def _of_kind(self, *kind: str) -> Seen:
        if kind not in self._seen and len(self._seen) == KINDS:
            del self._seen[next(iter(self._seen))]  # the oldest
        return self._seen.setdefault(kind, Seen())


@dataclass
class Seen:
    """One kind of message."""

    told: int = 0  # without a pause
    kept: int = 0  # back, since the last one that was told
    at: float = 0.0  # when that was, seconds

    def passes(self, now: float) -> bool:
        if self.told >= BURST and now - self.at < PAUSE_S:
            self.kept += 1
            return False
        self.told, self.at = (1 if now - self.at >= PAUSE_S and not self.kept else self.told + 1), now
        return True


class LogFile(RotatingFileHandler):
    """Appends to `path`; a full one is renamed, and KEPT of them stay. A full disk costs lines, no more."""

    def __init__(self, path: Path) -> None:
        """Raises SinkError if the file cannot be written, or one that is no log would be touched."""
        for own in (path, *(path.with_name(f"{path.name}.{k + 1}") for k in range(KEPT))):
            _refuse_other(own)
        try:
            super().__init__(path, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8")
        except OSError as error:
            raise SinkError(
                f"{path}: expected a log file in a folder that can be written, got: {error.strerror}"
            ) from error

    def handleError(self, record: logging.LogRecord) -> None:
        """The line is lost."""


def _refuse_other(path: Path) -> None:
    """Raises SinkError for a file that holds anything but a log of this kind: it would be renamed one day."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        head = file.read(64)
    if head and not LINE.match(head):
        raise SinkError(
            f"{path}: expected a log of perception or no file for --log-file, got another one; choose "
            "another name"
        )


def log_to(form: str, file: Path | None, errors: Console) -> logging.Handler:
    """Standard error in one of FORMS and, if `file` is given, that as well, with the time."""
    handlers: list[logging.Handler] = []
    handler: logging.Handler
    if form == "json":
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines())
    else:
        handler = RichHandler(console=errors, show_path=False, show_time=False)
        handler.setFormatter(Redacting("%(message)s"))
    handlers.append(handler)
    if file is not None:
        kept = LogFile(file)
        plain = Redacting("%(asctime)s %(levelname)s %(message)s")
        kept.setFormatter(JsonLines() if form == "json" else plain)
        handlers.append(kept)
    return Seldom(handlers)
