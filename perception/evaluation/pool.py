"""Workers as processes of this machine."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from threading import current_thread, main_thread

import cv2

from perception.errors import PerceptionError
from perception.evaluation.work import Opening, Piece, Unit, attempt, broken, distribute

PATIENCE_S = 5.0  # for a process to end when it is told to
LOOK_S, STOPPED_S = 1.0, 10.0  # how often workers are looked at, and how long one may stand still


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    ready: bool = False  # it has opened what it needs
    unit: Unit | None = None
    stopped_s: float = 0.0


def in_processes(units: Sequence[Unit], opening: Opening, workers: int) -> Generator[Piece, None, None]:
    """Do the units in so many processes; their pieces as they come."""
    with closing(Pool(opening, workers)) as pool:
        yield from distribute(units, pool)


class Pool:
    """A crew of fresh processes (spawned, as a process with threads must not be forked).

    Each loads its own network, and talks through a pipe of its own: a process that is killed takes nothing
    with it but its unit. Ctrl-C is the business of the process that collects.
    """

    def __init__(self, opening: Opening, size: int) -> None:
        self.size = size
        self._opening = opening
        self._workers = [self._hire() for _ in range(size)]
        self._heard: deque[tuple[int, Piece]] = deque()

    def give(self, worker: int, unit: Unit) -> None:
        employee = self._workers[worker]
        employee.unit = unit
        try:
            employee.pipe.send(unit)
        except OSError:  # it died while it was idle
            self._heard.append(self._replace(worker))

    def hear(self) -> tuple[int, Piece]:
        """Raises PerceptionError if a process cannot open what it needs."""
        while not self._heard:
            pipes = {worker.pipe: k for k, worker in enumerate(self._workers) if worker.unit}
            for pipe in wait(list(pipes), LOOK_S):
                assert isinstance(pipe, Connection)
                self._receive(pipes[pipe])
            self._look_after()
        return self._heard.popleft()

    def _look_after(self) -> None:
        """A process that somebody stopped (SIGSTOP) would be waited for without end: after STOPPED_S it is
        killed, and its unit has failed."""
        for worker in self._workers:
            worker.stopped_s = worker.stopped_s + LOOK_S if _stopped(worker.process.pid) else 0.0
            if worker.stopped_s > STOPPED_S:
                worker.process.kill()

    def close(self) -> None:
        """End all processes, at once."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            _bury(worker)

    def _hire(self) -> _Worker:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._opening), daemon=True)
        with _deaf_to_interrupts():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _receive(self, k: int) -> None:
        worker = self._workers[k]
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            self._heard.append(self._replace(k))
            return
        if isinstance(message, Exception):
            raise message
        if isinstance(message, Piece):
            worker.unit = None if message.last else worker.unit
            self._heard.append((k, message))
        else:
            worker.ready = True

    def _replace(self, k: int) -> tuple[int, Piece]:
        """Another process for the one that died; its unit has failed."""
        dead = self._workers[k]
        _bury(dead)
        reason = f"its worker process ended ({_how(dead.process.exitcode)})"
        if not dead.ready:
            raise PerceptionError(f"expected a worker to load the bundle, but {reason}; try fewer workers")
        assert dead.unit is not None
        self._workers[k] = self._hire()
        return k, broken(dead.unit, f"{reason}; try fewer workers if memory is short")


def _how(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"killed by {signal.Signals(-exitcode).name}"
    return f"exit code {exitcode}"


def _stopped(pid: int | None) -> bool:
    """By a signal; False also where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except (OSError, IndexError):
        return False


def _bury(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.join(PATIENCE_S)
    if worker.process.exitcode is None:
        worker.process.kill()
        worker.process.join()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """A process started inside does not hear Ctrl-C: it inherits what is ignored."""
    if current_thread() is not main_thread():  # only the main thread may set this
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _serve(pipe: Connection, opening: Opening) -> None:
    """The life of a worker process; what goes wrong while opening is for its parent to raise."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    with closing(pipe), suppress(EOFError, OSError):  # the parent has gone
        try:
            with opening() as work:
                pipe.send("ready")
                while True:
                    for piece in attempt(work, pipe.recv()):
                        pipe.send(piece)
        except PerceptionError as error:
            pipe.send(error)
