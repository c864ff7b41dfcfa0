"""Who may look: a token for all, and names of this server for browsers.

A page of another origin cannot read the token, but its browser sends our cookie: so what comes by the cookie
must have our own Origin. A name of the attacker that resolves to this machine (DNS rebinding) has that, and
is refused by its Host: only addresses, localhost, this machine's name and those of `hosts` are ours.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from perception.errors import DataError
from perception.redaction import secret

VARIABLE = "PERCEPTION_TOKEN"
SHORTEST = 16  # characters of a token that somebody chose
NEW_ONE = 'python -c "import secrets; print(secrets.token_urlsafe(24))" makes one'
OPEN = ("/healthz", "/readyz", "/login")  # no token: they tell nothing but a state
SAFE = ("GET", "HEAD")


def token_for(host: str, file: Path | None) -> tuple[str, str]:
    """The token, and where it comes from: "file", "environment", or "new".

    Raises DataError for a `host` that others can reach without a token that they could know, and for one that
    is short or cannot be read.
    """
    if file is not None:
        return _from_file(file), "file"
    if given := os.environ.get(VARIABLE, ""):
        return _token(os.fsencode(given), VARIABLE), "environment"
    if not is_loopback(host):
        raise DataError(
            f"--host {host}: expected a token, because others can reach that address, got none; "
            f"give --token-file FILE (made if it is not there) or set {VARIABLE}"
        )
    return secrets.token_urlsafe(24), "new"


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def cookie_of(token: str) -> str:
    """What the browser keeps in place of the token."""
    return hmac.new(token.encode(), b"perception serve", hashlib.sha256).hexdigest()


class Guard:
    """Before every route."""

    def __init__(self, app: ASGIApp, token: str, port: int, hosts: Iterable[str] = ()) -> None:
        own = socket.gethostname().lower()
        self._app, self._token = app, token
        self._hosts = {"localhost", own, f"{own}.local", *(name.lower() for name in hosts)}
        self.cookie = f"perception-{port}"  # browsers share cookies between the ports of a host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or not (refusal := self._refusal(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008, refusal[1])(scope, receive, send)
        else:
            await self._refused(scope, *refusal)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if not self._is_ours(headers.get("host", "")):
            return (
                421,
                "expected an address or a known name of this server as Host; see `hosts` in docs/serve.md",
            )
        if scope["path"] in OPEN and scope["type"] == "http" and scope["method"] in SAFE:
            return None
        if self._is_told(scope, headers):
            return None
        if scope["path"] in OPEN:  # a form that is sent
            return None if self._same_origin(headers) else (403, "expected the form of this server")
        if not self._is_known(headers):
            return 401, "expected the token: Authorization: Bearer TOKEN, or ?token=TOKEN"
        unsafe = scope["type"] == "websocket" or scope["method"] not in SAFE
        if unsafe and not self._same_origin(headers):
            return 403, "expected a request of this server's own page"
        return None

    def is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._token.encode())

    def _is_told(self, scope: Scope, headers: Headers) -> bool:
        """The token itself came with the request."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(given.strip()):
            return True
        query = parse_qs(scope["query_string"].decode("latin-1"))
        return self.is_token(query.get("token", [""])[0])

    def _is_known(self, headers: Headers) -> bool:
        pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
        given = {name: value for name, _, value in pairs}.get(self.cookie, "")
        return hmac.compare_digest(given.encode(), cookie_of(self._token).encode())

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._hosts or _is_address(name)

    @staticmethod
    def _same_origin(headers: Headers) -> bool:
        """Programs other than browsers send no Origin, and no cookie that they did not choose."""
        origin = headers.get("origin")
        try:
            return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
        except ValueError:
            return False

    @staticmethod
    def _refused(scope: Scope, status: int, text: str) -> Response:
        asks_for_page = "text/html" in Headers(scope=scope).get("accept", "")
        if status == 401 and asks_for_page:
            return Response(status_code=303, headers={"Location": "/login"})
        return PlainTextResponse(text + "\n", status)


def _from_file(path: Path) -> str:
    """Its first line; a new one is written, for its owner alone, if there is no file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(24) + "\n")
        return _token(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(
            f"{path}: expected a file with the token, or a place for one, got: {error.strerror}; "
            "choose another --token-file"
        ) from error


def _token(data: bytes, where: str) -> str:
    """The first line of `data`."""
    try:
        token = secret(data).partition("\n")[0].rstrip()
    except ValueError as error:
        raise DataError(f"{where}: expected a token, got {error}; {NEW_ONE}") from None
    if len(token) < SHORTEST:
        raise DataError(
            f"{where}: expected a token of at least {SHORTEST} characters, got {len(token)}; {NEW_ONE}"
        )
    return token
