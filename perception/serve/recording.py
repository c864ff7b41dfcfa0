"""Recordings of one camera: started and stopped, and the last seconds from memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from perception.camera import CameraModel
from perception.errors import SinkError
from perception.messages import TOPICS
from perception.serve.quota import Folder
from perception.serve.shot import Shot
from perception.sinks.drafts import Draft
from perception.sinks.drive_file import DriveFile

LARGE = 1 << 14  # bytes: a larger message is compressed in memory, if it is not a picture already
MOST = 256 << 20  # bytes that the last seconds of a camera may take
LOOK_S = 1.0  # between two looks at what is free on the disk


class Entry(NamedTuple):
    stamp_ns: int
    camera: CameraModel | None
    messages: Sequence[Draft]
    size: int


class Recorder:
    """Looks at every frame: for a file while one is recorded, and for the last `keep_s` seconds always.

    `tell` hears why a recording has failed, and "" when the next one begins. Files are completed in a thread
    of their own: a slow disk holds up neither who looks nor who asks for the `status`.
    """

    every = True

    def __init__(
        self,
        name: str,
        folder: Folder,
        facts: Mapping[str, Any],
        keep_s: float,
        tell: Callable[[str], None] = lambda error: None,
    ) -> None:
        self.name, self.keep_s = name, keep_s
        self._folder, self._facts, self._tell = folder, facts, tell
        self._lock = Lock()
        self._file: DriveFile | None = None
        self._since = 0.0
        self._looked_s = 0.0  # at the disk
        self._entries: deque[Entry] = deque()
        self._size = 0  # bytes of the entries
        self._closer = ThreadPoolExecutor(1, f"recordings of {name}")
        self._closing: Future[None] | None = None  # the last file that was full
        self.error = ""
        self._status = self._told()

    @property
    def hungry(self) -> bool:
        return self.keep_s > 0 or self._file is not None

    def take(self, shot: Shot) -> None:
        with self._lock:
            if self.keep_s:
                self._keep(shot)
            if self._file is not None:
                self._record(shot)
            self._status = self._told()

    def start(self) -> Path:
        """Raises SinkError if it cannot be written, or one is recorded already."""
        with self._lock:
            if self._file is not None:
                raise SinkError(
                    f"{self.name}: expected no recording, got {self._file.path.name}; stop it first"
                )
            self._since = time.time()
            file = self._open()
            self._status = self._told()
            return file.path

    def stop(self) -> Path | None:
        """The file that is complete now, as are those before; None: nothing was recorded.

        Raises SinkError."""
        with self._lock:
            file, self._file = self._file, None
            before, self._closing = self._closing, None
            self._status = self._told()
        closing = [before, None if file is None else self._closer.submit(file.close)]
        for one in filter(None, closing):
            one.result()
        return None if file is None or file.empty else file.path

    def save(self) -> Path:
        """The last seconds as a file of their own. Raises SinkError if there are none, or no room."""
        with self._lock:
            entries, size = list(self._entries), self._size
        if not entries:
            raise SinkError(f"{self.name}: expected frames of the last seconds, got none; see --keep")
        file = DriveFile(self._folder.new(self.name, "-last", size), self._facts)
        for entry in entries:
            file.add(entry.stamp_ns, entry.camera, entry.messages)
        file.close()
        return file.path

    def status(self) -> dict[str, Any]:
        """For JSON, as after the last frame. Waits for nothing."""
        return self._status

    def _told(self) -> dict[str, Any]:
        file = self._file
        first, last = (self._entries[k].stamp_ns if self._entries else 0 for k in (0, -1))
        return {
            "file": file.path.name if file else None,
            "since": self._since if file else None,
            "bytes": file.size if file else 0,
            "kept_s": round((last - first) / 1e9, 1),
            "keep_s": self.keep_s,
            "error": self.error,
        }

    def _open(self) -> DriveFile:
        self._file = file = DriveFile(self._folder.new(self.name), self._facts)
        self.error = ""
        self._tell("")
        return file

    def _record(self, shot: Shot) -> None:
        file = self._file
        assert file is not None
        try:
            if (now_s := time.monotonic()) > self._looked_s + LOOK_S:
                self._looked_s = now_s
                self._folder.check()
            if file.size > self._folder.segment:
                file = self._next(file)
            file.add(shot.frame.stamp_ns, shot.frame.camera, shot.messages)
        except SinkError as error:
            self._file, self.error = None, str(error)
            self._closer.submit(file.close)  # of what could not be written the part stays
            self._tell(self.error)

    def _next(self, full: DriveFile) -> DriveFile:
        """Go on in another file. Raises SinkError if the one before could not be completed."""
        before, self._closing = self._closing, self._closer.submit(full.close)
        if before is not None:
            before.result()
        return self._open()

    def _keep(self, shot: Shot) -> None:
        kept = [_kept(draft) for draft in shot.messages]
        size = sum(size for _, size in kept)
        drafts = [draft for draft, _ in kept]
        self._entries.append(Entry(shot.frame.stamp_ns, shot.frame.camera, drafts, size))
        self._size += size
        oldest = shot.frame.stamp_ns - round(self.keep_s * 1e9)
        while self._entries[0].stamp_ns < oldest or self._size > MOST:
            self._size -= self._entries.popleft().size


def _kept(draft: Draft) -> tuple[Draft, int]:
    """With its bytes in memory, and how many these are."""
    data = draft.encode()
    if len(data) < LARGE or draft.topic == TOPICS["image"][0]:
        return Draft(draft.topic, draft.type_name, lambda: data), len(data)
    import zstandard  # comes with mcap

    packed = zstandard.compress(data, 1)
    return Draft(draft.topic, draft.type_name, lambda: zstandard.decompress(packed)), len(packed)
