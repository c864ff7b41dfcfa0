"""Family `limit`: too little memory, too few descriptors, no home, clocks that jump."""

from __future__ import annotations

import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tools.campaign.cameras import Camera
from tools.campaign.commands import await_ready, check, running, words
from tools.campaign.fault import Absent, Desk, Fault, Result
from tools.campaign.programs import Program
from tools.campaign.served import Served, looking
from tools.campaign.served import words as serve_words

FAKE = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
MB = 1 << 20
FILES = 64


def few_descriptors(result: Result, desk: Desk) -> None:
    """More come to look than there are descriptors: they wait; scenes go on, also for whoever comes later."""
    folder = desk.folder()
    camera = Camera("pipe", folder)
    camera.start()
    program = Program(serve_words([f"front={camera.source}"]), folder, limits={resource.RLIMIT_NOFILE: FILES})
    try:
        with looking(program) as (viewer, port):
            served = Served(camera, program, viewer, port)
            served.await_scene(lambda seen: True)
            before = served.begin()
            with ExitStack() as stack:
                for _ in range(2 * FILES):
                    stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
                time.sleep(2.0)
                begun = time.monotonic()
                served.await_scene(lambda seen: seen.at > begun)
            time.sleep(1.0)
            with looking(program) as (later, _):
                Served(camera, program, later, port).await_scene(lambda seen: True)
            result.seen = served.last_reasons()
            time.sleep(1.0)
            served.check(result, before)
    finally:
        program.kill()
        camera.close()


def camera_without_descriptors(result: Result, desk: Desk) -> None:
    """No descriptor is left when the camera comes back; later there are some again."""
    folder = desk.folder()
    with running("run", "pipe", folder) as (camera, program):
        await_ready(program)
        had = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (3, had[1]))
        camera.kill()
        time.sleep(1.5)
        camera.start()
        time.sleep(1.5)
        healed = time.monotonic()
        resource.prlimit(program.pid, resource.RLIMIT_NOFILE, had)
        result.recovered_ms = 1e3 * (await_ready(program, healed) - healed)
        result.seen = "scenes go on"
        program.end()
        check("run", result, folder, camera.sent(), program)


def little_memory(megabytes: int, result: Result, desk: Desk) -> None:
    """It ends, and does not hang, if it cannot be loaded."""
    folder = desk.folder()
    camera = Camera("pipe", folder)
    camera.start()
    limits = {resource.RLIMIT_AS: megabytes * MB}
    program = Program(
        [*words("run", camera.source, folder / "out"), "--max-frames", "5"], folder, limits=limits
    )
    try:
        code = program.wait(240.0)
        result.seen = f"exit code {code}"
        result.expect(code >= 0 or code == -signal.SIGABRT, f"exit code {code}")  # abort: of a native library
        result.keeps_secrets(folder, [program.said()])
    finally:
        program.kill()
        camera.close()


def surroundings(variables: dict[str, str], result: Result, desk: Desk) -> None:
    """A service's surroundings: no home, no place for caches."""
    folder = desk.folder()
    with running("run", "pipe", folder, variables=variables) as (camera, program):
        await_ready(program)
        code = program.end()
        result.seen = f"exit code {code}"
        result.expect(code == 130, f"exit code {code}")
        check("run", result, folder, camera.sent(), program)


def taken_port(result: Result, desk: Desk) -> None:
    folder = desk.folder()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        said = [*serve_words(["front=/dev/video99#wait=ever"]), "--port", port]
        program = Program(said, folder)
        try:
            code = program.wait(180.0)
        finally:
            program.kill()
    result.seen = f"exit code {code}"
    result.expect(code == 2, f"exit code {code}: {program.said()[-300:]}")
    result.expect("expected to listen there" in program.said(), program.said()[-300:])


def clock(jump: str, command: str, result: Result, desk: Desk) -> None:
    """The clock of the world jumps; stamps go on rising, and ages stay right."""
    if not FAKE.exists():
        raise Absent("no faketime: apt install faketime")
    folder = desk.folder()
    offset = folder / "offset"
    offset.write_text("+0")
    variables = {
        "LD_PRELOAD": str(FAKE),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with running(command, "pipe", folder, variables=variables) as (camera, program):
        await_ready(program)
        time.sleep(1.0)
        begun = time.monotonic()
        offset.write_text(jump)
        time.sleep(2.0)
        alarming = [told for told in program.states() if told.at > begun and told.state == "failed"]
        result.expect(not alarming, f"it failed: {alarming[:1]}")
        code = program.end()
        result.seen = f"exit code {code}"
        result.expect(code == 130, f"exit code {code}: {program.said()[-300:]}")
        if command == "run":
            check("run", result, folder, camera.sent(), program)


def _faults() -> Iterator[Fault]:
    yield Fault("few_descriptors.serve", "limit", "scenes go on", few_descriptors)
    yield Fault("no_descriptors.run", "limit", "scenes come again", camera_without_descriptors)
    for megabytes in (300, 700, 1200):
        yield Fault(f"memory_{megabytes}.run", "limit", "it ends", partial(little_memory, megabytes))
    nowhere = {"HOME": "/nowhere", "TMPDIR": "/nowhere", "XDG_CACHE_HOME": "/nowhere"}
    yield Fault("no_home.run", "limit", "scenes", partial(surroundings, nowhere))
    yield Fault("bare.run", "limit", "scenes", partial(surroundings, {"HOME": "", "LANG": "", "TERM": ""}))
    yield Fault("taken_port.serve", "limit", "exit code 2", taken_port)
    for name, jump in (("ahead", "+1h"), ("back", "-1h"), ("years", "+10y")):
        yield Fault(f"clock_{name}.run", "limit", "scenes go on", partial(clock, jump, "run"))
    yield Fault("clock_back.node", "limit", "scenes go on", partial(clock, "-1h", "node"))


FAULTS = tuple(_faults())
