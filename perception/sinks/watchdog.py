"""Tells systemd that frames come through: no scene for WatchdogSec, and it starts the service again.

The protocol is sd_notify(3): a datagram to the socket that systemd names in the environment.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from perception.types import Frame, Scene

SOCKET = "NOTIFY_SOCKET"


class Watchdog:
    """`READY=1` with the first scene, `WATCHDOG=1` with each. A systemd that does not listen is no fault."""

    def __init__(self, address: str) -> None:
        """`address`: the value of NOTIFY_SOCKET; "@" begins an abstract one."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._state = b"READY=1\nWATCHDOG=1"

    def write(self, frame: Frame, scene: Scene) -> None:
        with suppress(OSError):
            self._socket.sendto(self._state, self._address)
            self._state = b"WATCHDOG=1"

    def close(self) -> None:
        with suppress(OSError):
            self._socket.sendto(b"STOPPING=1", self._address)
        self._socket.close()


def watchdog() -> Watchdog | None:
    """None where no systemd waits to be told."""
    address = os.environ.get(SOCKET)
    return Watchdog(address) if address else None
