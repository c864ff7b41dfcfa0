"""`perception serve`: put the parts together, and serve until the end."""

from __future__ import annotations

import logging
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from perception.errors import PerceptionError
from perception.health import Health, Limits, notify
from perception.interfaces import Source
from perception.pipeline import Pipeline
from perception.redaction import redacted
from perception.serve.budget import Budget
from perception.serve.camera import Camera
from perception.serve.config import GB, CameraConfig, ServeConfig, check
from perception.serve.quota import Folder
from perception.serve.recording import Recorder
from perception.serve.shot import Look
from perception.shedding import Shedding, Turn, order
from perception.sources import open_source
from perception.sources.calibrated import with_files
from perception.sources.live import Live
from perception.sources.replay import Replay

MISSING = "serving needs packages that are not installed: pip install 'perception[serve]'"

log = logging.getLogger(__name__)


def serve(config: ServeConfig, say: Callable[[str], None] = print) -> None:
    """Until SIGTERM or Ctrl-C. `say` hears where to look, once.

    Raises PerceptionError: no extra, no token for an address that others reach, a bundle that does not load,
    a port that is taken.
    """
    try:
        from perception.serve.access import token_for
        from perception.serve.app import Station
        from perception.serve.server import server
    except ImportError as error:
        raise PerceptionError(f"{MISSING} ({error})") from error
    check(config)
    token, origin = token_for(config.host, config.token_file)
    with ExitStack() as stack:
        listener = _listen(config.host, config.port)
        stack.callback(listener.close)
        cameras, recorders = _cameras(config, stack)
        dog = notify()
        if dog is not None:
            stack.callback(dog.close)
        port = listener.getsockname()[1]
        app = Station(cameras, recorders, dog.heed if dog else lambda report: None).app(
            token, port, config.hosts
        )
        for camera in cameras.values():
            camera.start()
        say(_where(config, port, token, origin))
        sys.stdout.flush()
        server(app).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # who comes before the server waits
    except OSError as error:
        listener.close()
        raise PerceptionError(
            f"{host}:{port}: expected to listen there, got: {error.strerror}; choose another --port"
        ) from error
    return listener


def _where(config: ServeConfig, port: int, token: str, origin: str) -> str:
    """The address, with the token only if there is no other way to know it."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    address = f"http://{host}:{port}/"
    if origin == "new":
        return f"{address}?token={token}"
    place = f"the file {config.token_file}" if origin == "file" else "the environment"
    return f"{address}  (the token is that of {place})"


def _cameras(config: ServeConfig, stack: ExitStack) -> tuple[Mapping[str, Camera], Mapping[str, Recorder]]:
    """Loaded, not started. What is closed at the end is put on `stack`."""
    quota, count = round(config.quota_gb * GB), len(config.cameras)
    budget = Budget(config.threads, count)
    folder = Folder(config.recordings, quota, cameras=count) if config.recordings else None
    cameras: dict[str, Camera] = {}
    recorders: dict[str, Recorder] = {}
    for one in config.cameras:
        made = one.pipeline(budget.each)
        pipeline = made.load_warm()
        look = Look(pipeline.tasks, [*pipeline.tasks, *pipeline.stages], config.quality)
        source = redacted(one.source)
        health = Health(source, Limits(deadline_ms=config.deadline_ms), time.monotonic_ns())
        shedding = partial(_shedding, pipeline, order(pipeline.tasks, one.shed))
        camera = Camera(one.name, partial(opened, one), pipeline, look, budget, health, shedding)
        cameras[one.name] = camera
        if folder is not None:
            facts = {"source": source, **made.facts(pipeline), "classes": look.classes}
            recorders[one.name] = _recorder(one.name, folder, facts, config.keep_s, camera, stack)
        stack.callback(camera.close)
    return cameras, recorders


def _shedding(pipeline: Pipeline, shed: Sequence[str], health: Health, turn: Turn) -> Shedding:
    return Shedding(pipeline, health, shed, turn=turn)


def _recorder(
    name: str, folder: Folder, facts: Mapping[str, Any], keep_s: float, camera: Camera, stack: ExitStack
) -> Recorder:
    def tell(error: str) -> None:
        if error:
            log.error("camera %s: the recording has ended: %s", name, error)
            camera.health.say("disk", error, time.monotonic_ns())
        else:
            camera.health.clear("disk")

    recorder = Recorder(name, folder, facts, keep_s, tell)
    camera.studio.join(recorder)
    stack.callback(recorder.stop)
    return recorder


def opened(camera: CameraConfig) -> Source:
    """The source, as a camera: a recording is played at its own rate. Raises SourceError."""

    def source() -> Source:
        found = open_source(camera.source)
        if isinstance(found, Live):
            found.patience_s = None  # it may come back after days
        return with_files(found, camera.camera, camera.camera_height, camera.ego)

    first = source()
    if first.live:
        return first
    waiting = [first]
    return Replay(lambda: waiting.pop() if waiting else source())
