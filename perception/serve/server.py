"""The HTTP server: uvicorn, quiet about what is asked, because a question may hold the token."""

from __future__ import annotations

import logging

import uvicorn
from starlette.types import ASGIApp

QUIET = ("asyncio", "uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "websockets")
CLOSING_S = 3  # for the answers that are on their way


def server(app: ASGIApp) -> uvicorn.Server:
    """To be run on sockets that listen; it ends with SIGTERM, SIGINT and `should_exit`."""
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    settings = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_per_message_deflate=False,  # JPEG does not shrink, and trying costs five times the sending
        ws_max_size=1 << 16,
        timeout_graceful_shutdown=CLOSING_S,
    )
    return uvicorn.Server(settings)
