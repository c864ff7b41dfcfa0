"""One who looks at a camera of `perception serve`, and holds what he gets against what the camera sent."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

import cv2
import numpy as np
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tools.campaign.cameras import Sent
from tools.campaign.fault import PATIENCE_S
from tools.campaign.picture import read
from tools.campaign.programs import TOKEN, State


class Seen(NamedTuple):
    """A picture with its scene."""

    at: float  # monotonic seconds
    seq: int
    number: int | None  # that stands in it
    ready_ms: float  # when the scene was ready, of the monotonic clock
    size: tuple[int, int]
    withheld: str
    blank: bool
    age_ms: float = 0.0  # as it is told


class Viewer:
    """Takes every picture and every state until `close`, in a thread."""

    def __init__(self, port: int, camera: str = "front") -> None:
        self.states: list[State] = []
        self.seen: list[Seen] = []
        self.frames: dict[str, int] = {}
        self._socket: ClientConnection = connect(
            f"ws://127.0.0.1:{port}/api/cameras/{camera}/live",
            additional_headers={"Authorization": f"Bearer {TOKEN}"},
            compression=None,
            max_size=None,
            proxy=None,
            open_timeout=PATIENCE_S,
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def given(self) -> list[Seen]:
        return [seen for seen in list(self.seen) if not seen.withheld]

    def close(self) -> None:
        with suppress(WebSocketException, OSError):
            self._socket.close()
        self._thread.join(5.0)

    def _run(self) -> None:
        with suppress(WebSocketException, OSError):
            for message in self._socket:
                if isinstance(message, str):
                    self._state(json.loads(message))
                else:
                    self._socket.send("got it")
                    self.seen.append(_seen(message))

    def _state(self, told: dict[str, Any]) -> None:
        health = told["health"]
        names = frozenset(reason["name"] for reason in health["reasons"])
        self.states.append(State(time.monotonic(), health["state"], names))
        self.frames = told["frames"]


def _seen(message: bytes) -> Seen:
    at = time.monotonic()
    length = int.from_bytes(message[:4], "little")
    scene = json.loads(message[4 : 4 + length])
    image = cv2.imdecode(np.frombuffer(message, np.uint8, offset=4 + length), cv2.IMREAD_COLOR)
    number = None if image is None else read(image)
    shift_ms = (time.time_ns() - time.monotonic_ns()) / 1e6
    ready_ms = scene["stamp_ns"] / 1e6 + scene["age_ms"] - shift_ms
    width, height = scene["size"]
    withheld, blank = scene.get("withheld", ""), bool(scene.get("blank"))
    return Seen(at, scene["seq"], number, ready_ms, (width, height), withheld, blank, scene["age_ms"])


def invented(given: Iterable[Seen], sent: Iterable[Sent]) -> list[str]:
    """Scenes for which the camera sent no picture, or not so many."""
    sent = list(sent)
    left = Counter(one.number for one in sent)
    unreadable = sum(not one.readable for one in sent)
    wrong = []
    for seen in given:
        if seen.number is None:
            unreadable -= 1
            if unreadable < 0:
                wrong.append(f"frame {seen.seq} shows a picture that was not sent")
        elif left[seen.number] <= 0:
            wrong.append(f"frame {seen.seq} shows {seen.number} again, or before it was sent")
        else:
            left[seen.number] -= 1
    return wrong


def ages_ms(given: Iterable[Seen], sent: Iterable[Sent]) -> list[float]:
    """Of scenes when they were ready, since their picture was sent last."""
    done_ms = {one.number: one.done_ms for one in sent}
    return [seen.ready_ms - done_ms[seen.number] for seen in given if seen.number in done_ms]


def untrue_ms(seen: Iterable[Seen], sent: Iterable[Sent]) -> list[float]:
    """How much older scenes were than they said."""
    done_ms = {one.number: one.done_ms for one in sent}
    return [one.ready_ms - done_ms[one.number] - one.age_ms for one in seen if one.number in done_ms]
