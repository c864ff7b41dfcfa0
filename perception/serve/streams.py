"""What a camera sends to those who look: the page, other programs, a browser's <img>."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from perception.serve.camera import Camera
from perception.serve.pulse import Pulse
from perception.serve.shot import Shot
from perception.serve.viewers import Viewer

WINDOW = 2  # pictures on their way to one page: more would only be older when they come
BOUNDARY = "frame"
# How a closed connection shows: when it is read, when it is used again; and bytes in place of text.
GONE = (WebSocketDisconnect, RuntimeError, KeyError)
NEVER_S = 10.0  # for one picture


async def live(socket: WebSocket, camera: Camera, pulse: Pulse) -> None:
    """Binary: a picture and its scene (`Shot.live`); text: how the camera is. The page answers each picture
    with any text; it gets no more than WINDOW that it has not answered."""
    await socket.accept()
    credit = anyio.Semaphore(WINDOW, max_value=WINDOW + 1)

    async def pictures() -> None:
        with Viewer(camera.studio, lambda shot: shot.live) as viewer:
            while True:
                await credit.acquire()
                await socket.send_bytes(await viewer.next())

    async def states() -> None:
        told = ""
        while True:
            told = await pulse.next(camera.name, told)
            await socket.send_text(told)

    async with anyio.create_task_group() as group:
        group.start_soon(until_gone, pictures)
        group.start_soon(until_gone, states)
        try:
            while True:
                await socket.receive_text()
                if credit.value < WINDOW:
                    credit.release()
        except GONE:
            group.cancel_scope.cancel()


async def events(camera: Camera, pulse: Pulse) -> AsyncIterator[str]:
    """Server-sent events: `scene` for each frame, `health` when it changes and each second."""
    told = ""
    with Viewer(camera.studio, lambda shot: shot.text) as viewer:
        scene = asyncio.ensure_future(viewer.next())
        state = asyncio.ensure_future(pulse.next(camera.name))
        try:
            while True:
                await asyncio.wait((scene, state), return_when=asyncio.FIRST_COMPLETED)
                if state.done():
                    told = state.result()
                    yield f"event: health\ndata: {told}\n\n"
                    state = asyncio.ensure_future(pulse.next(camera.name, told))
                if scene.done():
                    yield f"event: scene\ndata: {scene.result()}\n\n"
                    scene = asyncio.ensure_future(viewer.next())
        finally:
            scene.cancel()
            state.cancel()


async def mjpeg(camera: Camera, painted: bool) -> AsyncIterator[bytes]:
    """The parts of multipart/x-mixed-replace."""
    with Viewer(camera.studio, _picture(painted)) as viewer:
        while True:
            jpeg = await viewer.next()
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            yield head.encode() + jpeg + b"\r\n"


async def one(camera: Camera, painted: bool) -> tuple[bytes, dict[str, object]]:
    """The next picture and its scene. Raises TimeoutError if none comes."""
    picture = _picture(painted)
    with Viewer(camera.studio, lambda shot: (picture(shot), shot.record)) as viewer:
        return await asyncio.wait_for(viewer.next(), NEVER_S)


def _picture(painted: bool) -> Callable[[Shot], bytes]:
    return (lambda shot: shot.painted) if painted else (lambda shot: shot.jpeg)


async def until_gone(work: Callable[[], Awaitable[None]]) -> None:
    """A connection that is closed ends the work, and is no error."""
    try:
        await work()
    except GONE:
        return
