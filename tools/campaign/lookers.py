"""Family `viewer`: those who look at `perception serve`: slow, stalled, many, rude; and logs nobody reads."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial

from websockets.sync.client import connect

from tools.campaign.cameras import Camera
from tools.campaign.commands import check, words
from tools.campaign.fault import Desk, Fault, Result
from tools.campaign.programs import TOKEN, Program
from tools.campaign.served import Served, looking, serving
from tools.campaign.served import words as serve_words

LOOKS_S = 3.0
BEARER = f"Authorization: Bearer {TOKEN}\r\n"
API = "/api/cameras/front"
Rude = Callable[[int, ExitStack], None]  # connects to a port; what it opens is closed by the stack


def _connected(port: int, stack: ExitStack) -> socket.socket:
    return stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))


def _asked(port: int, stack: ExitStack, path: str, head: str = BEARER) -> socket.socket:
    there = _connected(port, stack)
    there.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n".encode())
    return there


def _live(port: int, stack: ExitStack) -> object:
    head = {"Authorization": f"Bearer {TOKEN}"}
    url = f"ws://127.0.0.1:{port}{API}/live"
    return stack.enter_context(
        connect(url, additional_headers=head, compression=None, max_size=None, proxy=None)
    )


def stalled_page(port: int, stack: ExitStack) -> None:
    """Never answers."""
    _live(port, stack)


def stalled_video(port: int, stack: ExitStack) -> None:
    """Never reads."""
    _asked(port, stack, f"{API}/stream.mjpeg")


def stalled_events(port: int, stack: ExitStack) -> None:
    _asked(port, stack, f"{API}/events")


def slow_video(port: int, stack: ExitStack) -> None:
    there = _asked(port, stack, f"{API}/stream.mjpeg")
    for _ in range(round(LOOKS_S / 0.5)):
        there.recv(1000)
        time.sleep(0.5)


def many_pages(port: int, stack: ExitStack) -> None:
    for _ in range(20):
        _live(port, stack)


def many_videos(port: int, stack: ExitStack) -> None:
    for _ in range(20):
        _asked(port, stack, f"{API}/stream.mjpeg?painted")


def hang_up(port: int, stack: ExitStack) -> None:
    """In the midst of a picture."""
    for _ in range(20):
        with ExitStack() as own:
            _asked(port, own, f"{API}/stream.mjpeg").recv(200)


def half_open(port: int, stack: ExitStack) -> None:
    """Connected, and nothing said."""
    for _ in range(100):
        _connected(port, stack)


def drip(port: int, stack: ExitStack) -> None:
    """A request that never ends."""
    there = _connected(port, stack)
    for letter in b"GET / HTTP/1.1\r\nHo":
        there.sendall(bytes([letter]))
        time.sleep(0.1)


def noise(port: int, stack: ExitStack) -> None:
    for _ in range(20):
        with suppress(OSError):
            _connected(port, stack).sendall(os.urandom(3000))


def long_head(port: int, stack: ExitStack) -> None:
    with suppress(OSError):
        _asked(port, stack, "/", "X: " + "x" * 200_000 + "\r\n").recv(1000)


def wrong_tokens(port: int, stack: ExitStack) -> None:
    for number in range(30):
        _asked(port, stack, f"{API}/scene.json?token=wrong-{number}", "").recv(1000)


def large_form(port: int, stack: ExitStack) -> None:
    there = _connected(port, stack)
    with suppress(OSError):
        there.sendall(
            b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000\r\n\r\n" + b"t" * 300_000
        )


def strange_frames(port: int, stack: ExitStack) -> None:
    """What no page sends."""
    for message in (b"\0" * 100, "x" * 100_000, b""):
        with suppress(Exception), ExitStack() as own:
            there = _live(port, own)
            there.send(message)  # type: ignore[attr-defined]
            there.recv(2.0)  # type: ignore[attr-defined]


def foxgloves(port: int, stack: ExitStack) -> None:
    head = {"Authorization": f"Bearer {TOKEN}"}
    for _ in range(5):
        url = f"ws://127.0.0.1:{port}/foxglove"
        there = stack.enter_context(
            connect(url, additional_headers=head, subprotocols=["foxglove.websocket.v1"], proxy=None)  # type: ignore[list-item]
        )
        there.send('{"op": "subscribe", "subscriptions": [{"id": 1, "channelId": 1}]}')
        there.send('{"op": "nonsense"}')


RUDE: dict[str, Rude] = {
    work.__name__: work
    for work in (
        *(
            stalled_page,
            stalled_video,
            stalled_events,
            slow_video,
            many_pages,
            many_videos,
            hang_up,
            half_open,
        ),
        *(drip, noise, long_head, wrong_tokens, large_form, strange_frames, foxgloves),
    )
}


def rude(work: Rude, result: Result, desk: Desk) -> None:
    """Scenes go on meanwhile, and what was opened for them is closed again."""
    served: Served = desk.served("pipe")
    served.await_scene(lambda seen: seen.at > time.monotonic() - 1.0)
    before, begun = served.begin(), time.monotonic()
    with ExitStack() as stack:
        work(served.port, stack)
        there = time.monotonic()
        served.await_scene(lambda seen: seen.at > there, "a scene while they look")
        time.sleep(max(0.0, begun + LOOKS_S - time.monotonic()))
        meanwhile = sum(seen.at > begun for seen in served.viewer.given)
    done = time.monotonic()
    served.await_scene(lambda seen: seen.at > done)
    time.sleep(1.0)
    result.seen = f"{meanwhile} scenes meanwhile"
    served.check(result, before)


def deaf_log(result: Result, desk: Desk) -> None:
    """Who reads the log of `serve` goes away."""
    folder = desk.folder()
    camera, (ours, theirs) = Camera("pipe", folder), os.pipe()
    camera.start()
    program = Program(serve_words([f"front={camera.source}"]), folder, errors=theirs)
    os.close(theirs)
    try:
        with looking(program) as (viewer, port):
            served = Served(camera, program, viewer, port)
            served.await_scene(lambda seen: True)
            os.close(ours)
            camera.stop()
            begun = time.monotonic()
            served.await_reason(frozenset({"no_frames", "no_camera"}), begun)
            camera.go_on()
            result.seen = served.last_reasons()
            before = served.begin()
            begun = time.monotonic()
            served.await_scene(lambda seen: seen.at > begun)
            served.check(result, before)
    finally:
        program.kill()
        camera.close()


def deaf(what: str, result: Result, desk: Desk) -> None:
    """Who reads the output, or the log, of `run` goes away before it says anything: results are whole."""
    folder = desk.folder()
    camera, (ours, theirs) = Camera("pipe", folder), os.pipe()
    camera.start()
    said = words("run", camera.source, folder / "out")
    errors, output = (theirs, None) if what == "errors" else (None, theirs)
    program = Program([*said, "--max-frames", "10"], folder, errors=errors, output=output)
    os.close(theirs)
    os.close(ours)
    try:
        code = program.wait(180.0)
        result.seen = f"exit code {code}"
        result.expect(code in (0, 1), f"exit code {code}")  # 1: it could not say the end
        check("run", result, folder, camera.sent(), program)
    finally:
        program.kill()
        camera.close()


def full_output(result: Result, desk: Desk) -> None:
    """Standard output is a full disk."""
    folder = desk.folder()
    camera, target = Camera("pipe", folder), os.open("/dev/full", os.O_WRONLY)
    camera.start()
    program = Program(
        [*words("run", camera.source, folder / "out"), "--max-frames", "10"], folder, output=target
    )
    os.close(target)
    try:
        code = program.wait(180.0)
        result.seen = f"exit code {code}"
        result.expect(code in (0, 1, 2), f"exit code {code}")
        check("run", result, folder, camera.sent(), program)
    finally:
        program.kill()
        camera.close()


def one_of_two(result: Result, desk: Desk) -> None:
    """Of two cameras one is never there; the other one is served."""
    folder = desk.folder()
    with serving("pipe", folder, more=("rear=/dev/video99#wait=ever",)) as served:
        served.await_scene(lambda seen: True)
        before = served.begin()
        result.seen = served.last_reasons()
        served.check(result, before)


def _faults() -> Iterator[Fault]:
    for name, work in RUDE.items():
        yield Fault(f"{name}.viewer", "viewer", "scenes go on", partial(rude, work))
    yield Fault("deaf_log.serve", "viewer", "scenes go on", deaf_log)
    for what in ("errors", "output"):
        yield Fault(f"deaf_{what}.run", "viewer", "results are whole", partial(deaf, what))
    yield Fault("full_output.run", "viewer", "results are whole", full_output)
    yield Fault("one_of_two.serve", "viewer", "scenes go on", one_of_two)


FAULTS = tuple(_faults())
