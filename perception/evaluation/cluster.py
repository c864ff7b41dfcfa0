"""Workers on a Ray cluster (Moritz et al., OSDI 2018), the only file that knows Ray.

Every machine needs this package, of the same version, the bundle and the drives under the same paths. The
units and what they open travel as pickles between the machines of one cluster, which trust each other.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from socket import create_connection
from tempfile import mkdtemp
from time import sleep
from typing import Any

import cv2

from perception import __version__
from perception.errors import BackendUnavailable, PerceptionError
from perception.evaluation.work import Opening, Piece, Unit, Work, attempt, broken, distribute

LOCAL = "local"  # address of a cluster that is this machine alone, for as long as it is needed
KNOCK_S = 5.0
STORE_BYTES = 200 * 2**20  # of the local one's shared memory: pieces are small


def on_cluster(
    units: Sequence[Unit], opening: Opening, address: str, workers: int | None = None
) -> Generator[Piece, None, None]:
    """Do the units on the cluster at `address`: "local", "auto", "HOST:PORT" or "ray://HOST:PORT".

    `workers`: at most so many, of one core each; None: one for each core of the cluster. Ray is left as it
    was found. Raises BackendUnavailable: no Ray, no cluster there; PerceptionError: a machine cannot do it.
    """
    ray = _installed()
    with _connected(ray, address, workers):
        cores = int(ray.cluster_resources().get("CPU", 1))
        size = max(1, min(workers or cores, cores, len(units)))
        with closing(_Actors(ray, opening, size)) as actors:
            yield from distribute(units, actors)


class _Actors:
    """A crew of Ray actors, each with its own network."""

    def __init__(self, ray: Any, opening: Opening, size: int) -> None:
        self.size = size
        self._ray = ray
        self._opening = opening
        self._actors = [self._hire() for _ in range(size)]
        self._streams: dict[Any, tuple[int, Unit]] = {}  # pieces to come -> who makes them of what
        self._heard: deque[tuple[int, Piece]] = deque()

    def give(self, worker: int, unit: Unit) -> None:
        stream = self._actors[worker].pieces.options(num_returns="streaming").remote(unit)
        self._streams[stream] = worker, unit

    def hear(self) -> tuple[int, Piece]:
        while not self._heard:
            ready, _ = self._ray.wait(list(self._streams), fetch_local=False)
            for stream in ready:
                worker, unit = self._streams[stream]
                piece = self._next(stream, worker, unit)
                if piece.last:
                    del self._streams[stream]
                self._heard.append((worker, piece))
        return self._heard.popleft()

    def close(self) -> None:
        for actor in self._actors:
            self._ray.kill(actor)

    def _hire(self) -> Any:
        return self._ray.remote(num_cpus=1)(_Actor).remote(self._opening, __version__)

    def _next(self, stream: Any, worker: int, unit: Unit) -> Piece:
        try:
            piece: Piece = self._ray.get(next(stream))
        except self._ray.exceptions.RayTaskError as error:  # not the unit's failure: `attempt` names those
            raise _cause(error) from error
        except self._ray.exceptions.RayError as error:
            self._actors[worker] = self._hire()
            return broken(unit, f"its Ray worker ended: {str(error).splitlines()[0]}")
        return piece


class _Actor:
    """The life of a worker."""

    def __init__(self, opening: Opening, version: str) -> None:
        self._opening = opening
        self._version = version
        self._work: Work | None = None

    def pieces(self, unit: Unit) -> Iterator[Piece]:
        if self._work is None:
            self._work = self._opened()
        yield from attempt(self._work, unit)

    def _opened(self) -> Work:
        if self._version != __version__:
            raise PerceptionError(
                f"expected perception {self._version} on every machine of the cluster, got {__version__} on "
                f"{os.uname().nodename}; install the same there"
            )
        cv2.setNumThreads(1)
        return self._opening().__enter__()  # until the actor ends


def _installed() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would call home
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise BackendUnavailable(f"expected Ray, got: {error}; pip install 'perception[cluster]'") from error
    return ray


@contextmanager
def _connected(ray: Any, address: str, workers: int | None) -> Iterator[None]:
    if ray.is_initialized():  # by whoever calls us
        yield
        return
    own: AbstractContextManager[dict[str, Any]]
    own = _alone(ray, workers) if address == LOCAL else nullcontext({})
    with own as options:
        try:
            _knock(address)
            ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **options)
        except (OSError, ValueError, RuntimeError) as error:
            raise BackendUnavailable(
                f"{address}: expected a Ray cluster, got: {error}; start one (`ray start --head`), "
                "or --ray local"
            ) from error
        try:
            yield
        finally:
            ray.shutdown()


@contextmanager
def _alone(ray: Any, workers: int | None) -> Iterator[dict[str, Any]]:
    """What `ray.init` is told of a cluster of this machine, which listens on loopback only.

    What Ray keeps on the disk is writable to all: it lies in a folder of this user's, which goes with it.
    """
    constants = ray._private.ray_constants
    before, constants.ENABLE_RAY_CLUSTER = constants.ENABLE_RAY_CLUSTER, False  # its node is 127.0.0.1 then
    folder = mkdtemp(prefix="ray")
    try:
        yield {
            "num_cpus": workers,
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
            "_temp_dir": f"{folder}/r",
        }
    finally:
        constants.ENABLE_RAY_CLUSTER = before
        _remove(folder)


def _remove(folder: str) -> None:
    """Also while a process of Ray that is ending still writes there."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            return
        sleep(0.1)


def _knock(address: str) -> None:
    """OSError at once where nobody listens; Ray would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        create_connection((host, int(port)), KNOCK_S).close()


def _cause(error: Any) -> Exception:
    return error.cause if isinstance(error.cause, PerceptionError) else error
