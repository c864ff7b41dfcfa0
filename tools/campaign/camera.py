"""A camera as a process, so that it can be killed and stopped: `python -m tools.campaign.camera KIND PLACE`.

Kinds: `pipe` (motion JPEG) and `ts` (H.264) write into the named pipe PLACE, `http` (motion JPEG) and `rtsp`
(H.264) listen on port PLACE. Orders come as lines on standard input: a mode of `picture`, `size WxH`,
`rate FPS`, `unplug`, `plug`, `corrupt`, `cut`, `jump SECONDS`. Each picture that is sent leaves a line of the
log: when it was taken and was sent, the number that stands in it, and what was wrong with it. That of the one
that is being sent stands in a file beside it: a camera may be killed before it has noted what it sent.
"""

from __future__ import annotations

import argparse
import os
import random
import selectors
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tools.campaign.picture import GOOD, MODES, MOST, SIZE, Image, Scenery

RATE = 12.0  # pictures a second


class Output(Protocol):
    def send(self, image: Image, jump_s: float, harm: Callable[[bytes], bytes]) -> bool:
        """False: nobody takes it. `jump_s`: of the times in the stream; `harm`: of the encoded picture."""

    def plug(self, there: bool) -> None: ...


def outputs(kind: str, place: str, login: Path | None) -> Output:
    if kind == "rtsp":
        from tools.campaign.rtsp import Rtsp

        return Rtsp(int(place), login)
    from tools.campaign.streams import STREAMS

    return STREAMS[kind](place, login)


def corrupted(data: bytes) -> bytes:
    """The headers stay, so that it looks like a picture."""
    begin = min(len(data), 700)
    return data[:begin] + random.randbytes(len(data) - begin)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 3]


def garbage(data: bytes) -> bytes:
    return random.randbytes(len(data))


HARMS: dict[str, Callable[[bytes], bytes]] = {"corrupt": corrupted, "cut": cut, "garbage": garbage}


class State:
    """What the orders say."""

    def __init__(self) -> None:
        self.mode, self.harm = GOOD, ""
        self.size, self.rate = SIZE, RATE
        self.plugged, self.jump_s = True, 0.0

    def heed(self, order: str) -> None:
        word, _, value = order.partition(" ")
        if word in MODES:
            self.mode, self.harm = word, ""
        elif word in HARMS:
            self.harm = word
        elif word == "size":
            width, height = value.split("x")
            self.size = int(width), int(height)
        elif word == "rate":
            self.rate = float(value)
        elif word in ("plug", "unplug"):
            self.plugged = word == "plug"
        elif word == "jump":
            self.jump_s += float(value)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind")
    parser.add_argument("place")
    parser.add_argument("log", type=Path)
    parser.add_argument("--login", type=Path, help="File with the user:password that is asked for.")
    parser.add_argument("--orders", default="", help="Orders before the first picture, joined by commas.")
    given = parser.parse_args()
    state = State()
    for order in filter(None, given.orders.split(",")):
        state.heed(order)
    output = outputs(given.kind, given.place, given.login)
    output.plug(state.plugged)
    with given.log.open("a", buffering=1) as log:
        run(state, output, given.log.with_suffix(".now").write_text, log.write)


def run(
    state: State, output: Output, announce: Callable[[str], object], note: Callable[[str], object]
) -> None:
    """Until standard input ends: the parent is gone."""
    orders, due, made = selectors.DefaultSelector(), time.monotonic(), Scenery()
    os.set_blocking(sys.stdin.fileno(), False)
    orders.register(sys.stdin, selectors.EVENT_READ)
    while True:
        while orders.select(max(0.0, due - time.monotonic())):
            if not (text := os.read(sys.stdin.fileno(), 4096)):
                return
            for order in text.decode().split("\n"):
                state.heed(order)
            output.plug(state.plugged)
        due = max(due + 1 / state.rate, time.monotonic() - 0.5)
        if not state.plugged:
            continue
        now_ms = time.monotonic_ns() // 1_000_000
        image, number = made(state.mode, now_ms % MOST, state.size)
        harm = HARMS.get(state.harm, bytes)
        facts = f"{number} {state.harm or state.mode} {state.size[0]}x{state.size[1]} {state.rate:g}\n"
        announce(f"{now_ms} {now_ms} {facts}")
        if output.send(image, state.jump_s, harm):
            note(f"{now_ms} {time.monotonic_ns() // 1_000_000} {facts}")


if __name__ == "__main__":
    main()
