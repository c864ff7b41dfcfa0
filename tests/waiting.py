"""Waiting for what another thread or process does."""

from __future__ import annotations

import time


def wait_until(condition) -> None:
    """Returns as soon as it holds; fails after 20 seconds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
