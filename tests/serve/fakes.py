"""A camera without a device and a pipeline without a network, behind a real server on a loopback socket."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from queue import Queue
from threading import Thread

import numpy as np
from websockets.sync.client import connect

from perception.health import Health, Limits
from perception.serve.app import Station
from perception.serve.budget import Budget
from perception.serve.camera import Camera
from perception.serve.server import server
from perception.serve.shot import Look
from perception.types import Frame
from tests.sinks.fakes import TASKS, full
from tests.waiting import wait_until

TOKEN = "a token of the tests, long"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class FakeSource:
    """Gives what is put into it: a frame, an error to raise, None to end."""

    live, images, fps = True, False, None
    lost = dropped = 0

    def __init__(self) -> None:
        self.items = Queue()

    def __iter__(self):
        while (item := self.items.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self):
        self.items.put(None)


class FakePipe:
    """Sees something of everything; raises `error`, if there is one."""

    error: Exception | None = None

    def __call__(self, frame):
        if self.error:
            raise self.error
        return full(frame)

    def reset(self):
        pass

    def close(self):
        pass


def frame(seq: int, age_s: float = 0.0, size=(96, 64), **fields) -> Frame:
    image = np.full((size[1], size[0], 3), seq % 256, np.uint8)
    age_ns = round(age_s * 1e9)
    fields = {"taken_ns": time.monotonic_ns() - age_ns, **fields}
    return Frame(image, time.time_ns() - age_ns, seq, "cam", **fields)


def camera(source, name="front", pipe=None, opener=None, shedding=None) -> Camera:
    return Camera(
        name,
        opener or (lambda: source),
        pipe or FakePipe(),
        Look(TASKS, TASKS),
        Budget(1, 1),
        Health(
            "cam", Limits(deadline_ms=5e3, stale_ms=5e3, overdue_ms=5e3, oldest_ms=1e4), time.monotonic_ns()
        ),
        shedding,
        first_pause_s=0.001,
    )


class Served:
    """A server with cameras, and what a client asks of it."""

    def __init__(self, port: int, sources: dict[str, FakeSource]) -> None:
        self.port, self.sources = port, sources

    def give(self, *seqs: int, name: str = "front", **fields) -> None:
        for seq in seqs:
            self.sources[name].items.put(frame(seq, **fields))

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str):
        """Status, headers and body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def get(self, path: str) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=BEARER)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read()

    def stream(self, path: str):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=BEARER)
        return urllib.request.urlopen(request, timeout=20)

    def json(self, path: str):
        return json.loads(self.get(path))

    def socket(self, path: str, **options):
        options = {"additional_headers": BEARER, "compression": None, **options}
        return connect(f"ws://127.0.0.1:{self.port}{path}", max_size=None, proxy=None, **options)


@contextmanager
def served(*names: str, recorders=lambda cameras: {}, pipe=None):
    sources = {name: FakeSource() for name in names or ("front",)}
    cameras = {name: camera(source, name, pipe) for name, source in sources.items()}
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listener.getsockname()[1]
        app = Station(cameras, recorders(cameras)).app(TOKEN, port, ["robot.example"])
        running = server(app)
        thread = Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            for one in cameras.values():
                one.start()
                stack.callback(one.close)
            wait_until(lambda: running.started)
            there = Served(port, sources)
            there.cameras = cameras
            yield there
        finally:
            running.should_exit = True
            thread.join(timeout=20)
