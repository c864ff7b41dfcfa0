"""Tells systemd how things stand, by sd_notify(3): a datagram to the socket that it names."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from perception.health.report import Report

SOCKET, INTERVAL = "NOTIFY_SOCKET", "WATCHDOG_USEC"
USUAL_S = 1.0  # between two signs of life, where systemd wants none


class Notify:
    """`READY=1` with the first report, whatever its state: a camera may be absent for long. `STATUS=` with
    each that says something new; `WATCHDOG=1` while the process does its work. A systemd that does not
    listen is no fault."""

    def __init__(self, address: str, interval_s: float = USUAL_S) -> None:
        """`address`: the value of NOTIFY_SOCKET; "@" begins an abstract one."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._interval_ns = round(interval_s * 1e9)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._told = ""
        self._alive_ns: int | None = None

    def heed(self, report: Report) -> None:
        """Call it often: it says what is worth saying."""
        said = [] if self._told else ["READY=1"]
        if report.message != self._told:
            said.append("STATUS=" + " ".join(report.message.split()))
            self._told = report.message
        due = self._alive_ns is None or report.now_ns >= self._alive_ns + self._interval_ns
        if due and not report.hung:  # a new start brings no camera back, nor does it make a machine faster
            said.append("WATCHDOG=1")
            self._alive_ns = report.now_ns
        if said:
            self._send("\n".join(said))

    def close(self) -> None:
        self._send("STOPPING=1")
        self._socket.close()

    def _send(self, text: str) -> None:
        with suppress(OSError):
            self._socket.sendto(text.encode(errors="replace"), self._address)


def notify(environment: Mapping[str, str] = os.environ) -> Notify | None:
    """None where no systemd waits to be told."""
    if not (address := environment.get(SOCKET)):
        return None
    interval = environment.get(INTERVAL, "")
    return Notify(address, int(interval) / 2e6 if interval.isdecimal() else USUAL_S)
