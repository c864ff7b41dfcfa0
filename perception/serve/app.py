"""The routes. Everything behind `access.Guard`."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

import anyio
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from perception.errors import PerceptionError
from perception.fields import field_of
from perception.health import Report
from perception.serve import streams
from perception.serve.access import Guard, cookie_of
from perception.serve.camera import Camera
from perception.serve.foxglove import foxglove
from perception.serve.metrics import Metrics
from perception.serve.pulse import Pulse, together
from perception.serve.recording import Recorder

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
WRONG_PAUSE_S = 1.0  # after a wrong token in the form
LONGEST_FORM = 4096  # bytes


class Station:
    """What the routes serve."""

    def __init__(
        self,
        cameras: Mapping[str, Camera],
        recorders: Mapping[str, Recorder],
        heed: Callable[[Report], None] = lambda report: None,
    ) -> None:
        self.cameras, self.recorders = cameras, recorders
        self._heed = heed
        self._session = secrets.token_hex(8)
        self._metrics = Metrics(cameras, recorders)

    def app(self, token: str, port: int, hosts: Iterable[str] = ()) -> ASGIApp:
        self._token = token
        self._guard = Guard(Starlette(routes=self._routes(), lifespan=self._life), token, port, hosts)
        return self._guard

    @asynccontextmanager
    async def _life(self, app: Starlette) -> AsyncIterator[None]:
        self._pulse = Pulse(self.cameras, self.recorders, self._heed)
        async with anyio.create_task_group() as group:
            group.start_soon(self._pulse.run)
            yield
            group.cancel_scope.cancel()

    def _routes(self) -> list[Route | WebSocketRoute]:
        camera = "/api/cameras/{name}"
        return [
            Route("/", self._page),
            Route("/login", self._login, methods=["GET", "POST"]),
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/metrics", self._scraped),
            Route("/api/cameras", self._list),
            Route(camera, self._state),
            Route(f"{camera}/scene.json", self._scene),
            Route(f"{camera}/snapshot.jpg", self._snapshot),
            Route(f"{camera}/stream.mjpeg", self._mjpeg),
            Route(f"{camera}/events", self._events),
            Route(f"{camera}/recording", self._record, methods=["POST"]),
            WebSocketRoute(f"{camera}/live", self._live),
            WebSocketRoute("/foxglove", self._foxglove),
        ]

    async def _page(self, request: Request) -> Response:
        if "token" in request.query_params:  # out of the address, the history and the screen
            return self._admitted()
        return _html("page.html")

    async def _login(self, request: Request) -> Response:
        if request.method == "GET":
            return _html("login.html")
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LONGEST_FORM:
                return PlainTextResponse("expected a token\n", 413)
        if self._guard.is_token(parse_qs(body.decode("latin-1")).get("token", [""])[0].strip()):
            return self._admitted()
        await anyio.sleep(WRONG_PAUSE_S)
        return _html("login.html", 401)

    def _admitted(self) -> Response:
        response = Response(status_code=303, headers={"Location": "/", **HEADERS})
        response.set_cookie(
            self._guard.cookie, cookie_of(self._token), httponly=True, samesite="strict", max_age=30 * 86_400
        )
        return response

    async def _healthz(self, request: Request) -> Response:
        """200 unless something is failed: what a new start may mend. A camera that is away is none of it."""
        report = self._together()
        return PlainTextResponse(f"{report.state}\n", 503 if report.state == "failed" else 200, HEADERS)

    async def _readyz(self, request: Request) -> Response:
        """200 while every camera gives fresh scenes."""
        report = self._together()
        return PlainTextResponse(f"{report.state}\n", 200 if report.ready else 503, HEADERS)

    async def _scraped(self, request: Request) -> Response:
        text = await run_sync(self._metrics.text)
        return Response(text, headers={**HEADERS, "Content-Type": self._metrics.content_type})

    async def _list(self, request: Request) -> Response:
        return JSONResponse([self._about(name) for name in self.cameras], headers=HEADERS)

    async def _state(self, request: Request) -> Response:
        if (camera := self._camera(request)) is None:
            return self._unknown(request)
        return JSONResponse({**self._about(camera.name), **self._pulse.told(camera.name)}, headers=HEADERS)

    async def _scene(self, request: Request) -> Response:
        return await self._one(request, "scene")

    async def _snapshot(self, request: Request) -> Response:
        return await self._one(request, "picture")

    async def _one(self, request: Request, what: str) -> Response:
        if (camera := self._camera(request)) is None:
            return self._unknown(request)
        try:
            jpeg, scene = await streams.one(camera, "painted" in request.query_params)
        except asyncio.TimeoutError:  # in Python 3.10 no TimeoutError
            return PlainTextResponse(f"{camera.name}: no picture comes: {camera.report().message}\n", 503)
        if what == "scene":
            return JSONResponse(scene, headers=HEADERS)
        name = f'inline; filename="{camera.name}-{scene["seq"]}.jpg"'
        return Response(jpeg, media_type="image/jpeg", headers={**HEADERS, "Content-Disposition": name})

    async def _mjpeg(self, request: Request) -> Response:
        if (camera := self._camera(request)) is None:
            return self._unknown(request)
        parts = streams.mjpeg(camera, "painted" in request.query_params)
        kind = f"multipart/x-mixed-replace; boundary={streams.BOUNDARY}"
        return StreamingResponse(parts, headers={**HEADERS, "Content-Type": kind})

    async def _events(self, request: Request) -> Response:
        if (camera := self._camera(request)) is None:
            return self._unknown(request)
        return StreamingResponse(
            streams.events(camera, self._pulse), headers=HEADERS, media_type="text/event-stream"
        )

    async def _record(self, request: Request) -> Response:
        """`?do=start`, `stop` or `save`."""
        if (camera := self._camera(request)) is None:
            return self._unknown(request)
        if (recorder := self.recorders.get(camera.name)) is None:
            return JSONResponse({"error": "nothing is recorded: see --recordings"}, 400, HEADERS)
        work = {"start": recorder.start, "stop": recorder.stop, "save": recorder.save}
        if (do := request.query_params.get("do", "")) not in work:
            return JSONResponse({"error": f"expected ?do={', '.join(work)}, got {do!r}"}, 400, HEADERS)
        try:
            path = await run_sync(work[do])
        except PerceptionError as error:
            return JSONResponse({"error": str(error)}, 409, HEADERS)
        return JSONResponse({**recorder.status(), "file": path.name if path else None}, headers=HEADERS)

    async def _live(self, socket: WebSocket) -> None:
        camera = self.cameras.get(socket.path_params["name"])
        if camera is None:
            await socket.close(1008)
        else:
            await streams.until_gone(partial(streams.live, socket, camera, self._pulse))

    async def _foxglove(self, socket: WebSocket) -> None:
        await streams.until_gone(partial(foxglove, socket, self.cameras, self._session))

    def _camera(self, request: Request) -> Camera | None:
        return self.cameras.get(request.path_params["name"])

    def _unknown(self, request: Request) -> Response:
        known = ", ".join(self.cameras)
        return PlainTextResponse(f"expected a camera of {known}\n", 404)

    def _together(self) -> Report:
        return together({name: camera.report() for name, camera in self.cameras.items()})

    def _about(self, name: str) -> dict[str, Any]:
        camera = self.cameras[name]
        return {
            "name": name,
            "source": camera.health.source,
            "tasks": [
                {"name": task.name, "field": field_of(task).name, "classes": task.classes}
                for task in camera.look.tasks
            ],
            "calibrated": camera.calibrated,
            "size": camera.size,
            "records": name in self.recorders,
        }


def _html(name: str, status: int = 200) -> HTMLResponse:
    text = files("perception.serve").joinpath(name).read_text()
    return HTMLResponse(text, status, {**HEADERS, "Content-Security-Policy": policy(text)})


def policy(page: str) -> str:
    """Only what stands in the page itself may run; it may load nothing from elsewhere."""
    hashes = {
        tag: " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'"
            for body in re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        )
        for tag in ("script", "style")
    }
    return (
        f"default-src 'none'; script-src {hashes['script'] or chr(39) + 'none' + chr(39)}; "
        f"style-src {hashes['style']}; img-src 'self' blob: data:; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
