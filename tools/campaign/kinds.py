"""How a camera fails, and what must be told of it. `KINDS` is the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tools.campaign.cameras import Camera
from tools.campaign.picture import BLACK, BLURRED, COVERED, FROZEN, GOOD, OTHER, SIZE, STILL, WHITE

GONE = frozenset({"no_frames", "no_camera"})
EVERY = ("pipe", "ts", "http", "rtsp")
Do = Callable[[Camera], None]


class Kind(NamedTuple):
    inject: Do
    heal: Do
    reasons: frozenset[str]  # one of them is told; none: it is taken in stride
    places: tuple[str, ...] = EVERY
    what: str = ""  # in the camera's log, of the pictures at fault; "": none is sent
    guarded: bool = False  # the camera asks for a password
    early: frozenset[str] = frozenset()  # what may be told before the reason


def _tell(*orders: str) -> Do:
    return lambda camera: camera.tell(*orders)


def _lock(camera: Camera) -> None:
    """The password is changed at the camera."""
    camera.kill()
    camera.start(locked=True)


def _unlock(camera: Camera) -> None:
    camera.kill()
    camera.start()


def _picture(mode: str, reason: str) -> Kind:
    return Kind(_tell(mode), _tell(GOOD), frozenset({reason}), what=mode)


def _harm(harm: str) -> Kind:
    return Kind(_tell(harm), _tell(GOOD), GONE, what=harm)


_OTHER, _SIZE = (f"size {size[0]}x{size[1]}" for size in (OTHER, SIZE))

KINDS: dict[str, Kind] = {
    "unplug": Kind(_tell("unplug"), _tell("plug"), GONE),
    "kill": Kind(Camera.kill, Camera.start, GONE),
    "stall": Kind(Camera.stop, Camera.go_on, GONE),
    "freeze": _picture(FROZEN, "frozen")._replace(reasons=frozenset({"frozen", "still"})),
    "still": _picture(STILL, "still"),
    "black": _picture(BLACK, "black"),
    "white": _picture(WHITE, "overexposed"),
    "covered": _picture(COVERED, "covered"),
    "blurred": _picture(BLURRED, "blurred"),
    "corrupt": _harm("corrupt"),
    "cut": _harm("cut"),
    "garbage": _harm("garbage"),
    "size": Kind(_tell(_OTHER), _tell(_SIZE), frozenset()),
    "slow": Kind(_tell("rate 4"), _tell("rate 12"), frozenset()),
    "fast": Kind(_tell("rate 30"), _tell("rate 12"), frozenset()),
    "password": Kind(_lock, _unlock, frozenset({"login"}), ("http", "rtsp"), "", True, GONE),
    "login_file": Kind(_lock, Camera.tell_password, frozenset({"login"}), ("http", "rtsp"), "", True, GONE),
    "ahead": Kind(_tell("jump 3600"), _tell("jump 0"), frozenset(), ("ts",)),
    "back": Kind(_tell("jump -5"), _tell("jump 0"), frozenset(), ("ts",)),
}
CYCLED = ("unplug", "kill", "stall", "freeze", "black", "corrupt", "size", "password")
