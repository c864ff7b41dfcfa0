"""The reading end of a named pipe, as PyAV reads of it."""

from __future__ import annotations

import os
import select
import time
from errno import ETIMEDOUT

from perception.sources.waited import Wait

SILENT_S = 2.0  # without data: the writer is gone
READ_BYTES = 1 << 16
START, END = b"\xff\xd8", b"\xff\xd9"  # of a JPEG
NEXT = START + b"\xff\xfe\x00\x02"  # the beginning of a JPEG, and an empty comment


class Pipe:
    """Knows when nothing lay there.

    FFmpeg takes one JPEG after the other for a stream, whose pictures end where the next one begins. So that
    none waits for that, the beginning of the next one is given as soon as a picture is complete, and left
    out when it comes.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._wait = Wait(0.0)  # the last one
        self._ahead = b""  # was read to know what it is
        self._whole = False  # pictures are told to be complete
        self._begun = False  # the next one is begun

    def holds_jpegs(self) -> bool:
        """Call it first. Raises TimeoutError where a writer is silent."""
        self._ahead = self._taken(READ_BYTES)
        self._whole = self._ahead.startswith(START + b"\xff")
        return self._whole

    def read(self, size: int) -> bytes:
        """b"": the end, nobody writes. Raises TimeoutError where a writer is silent."""
        data = self._taken(min(size, READ_BYTES) - len(NEXT))
        return self._ended(data) if self._whole and data else data

    def behind(self) -> bool:
        """The last picture was not given before the next one began."""
        return not self._begun

    def waited(self, since_s: float) -> Wait | None:
        """The last time that nothing lay there, if it ended since then."""
        return self._wait if self._wait.over_s >= since_s else None

    def close(self) -> None:
        os.close(self._descriptor)

    def _ended(self, data: bytes) -> bytes:
        if self._begun:
            self._whole = data.startswith(START)  # else something stands between pictures
            data = data.removeprefix(START)
        self._begun = self._whole and data.endswith(END)
        return data + NEXT if self._begun else data

    def _taken(self, size: int) -> bytes:
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        asked_s = time.monotonic()
        if not self._ready(0.0):
            if not self._ready(SILENT_S):
                raise TimeoutError(ETIMEDOUT, "the writer of the pipe is silent")
            self._wait = Wait(time.monotonic(), asked_s)
        return os.read(self._descriptor, size)

    def _ready(self, seconds: float) -> bool:
        return bool(select.select([self._descriptor], [], [], seconds)[0])
