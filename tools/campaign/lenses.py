"""Family `camera`: what cameras do, under `perception serve`: each kind at each place, at several moments."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tools.campaign.cameras import Sent
from tools.campaign.fault import Desk, Fault, Result
from tools.campaign.kinds import KINDS, Kind
from tools.campaign.served import Served, serving

SETTLED = 6  # scenes before a fault: the camera's period is known
MOMENTS = ("steady", "again", "start")
HELD_S = 0.4  # a fault lasts so much longer than it takes to be told
IN_START = ("black", "white", "covered", "blurred", "corrupt", "garbage", "password", "unplug", "kill")
LEFT_OUT = {(name, "again") for name in ("still", "login_file", "ahead", "back", "fast", "white", "covered")}


def settle(served: Served) -> None:
    """Fresh scenes come, one after the other."""
    begun = time.monotonic()
    served.await_scene(lambda seen: seen.at > begun)
    number = len(served.viewer.given)
    served.await_scene(lambda seen: len(served.viewer.given) >= number + SETTLED, "scenes before the fault")


def disturb(served: Served, kind: Kind, result: Result) -> Sent:
    """Inject, see it told, heal; the first picture after that."""
    before = served.camera.last()
    begun = time.monotonic()
    kind.inject(served.camera)
    if kind.reasons:
        served.await_reason(kind.reasons, begun)
        told = served.await_reason(kind.reasons | kind.early, begun)
        result.detected_ms = 1e3 * told - _due_ms(served, kind, before, begun)
        result.seen = served.last_reasons()
    else:
        changed = served.camera.await_sent(round(1e3 * begun) + 130)
        result.detected_ms = 1e3 * served.await_scene_of(changed).at - changed.ms
        result.seen = "scenes go on"
    time.sleep(HELD_S)
    healed_ms = round(1e3 * time.monotonic())
    kind.heal(served.camera)
    return served.camera.await_sent(healed_ms, good=True)


def _due_ms(served: Served, kind: Kind, before: Sent | None, begun: float) -> float:
    """When the first picture at fault was sent, or the first missing one was due."""
    if kind.what:
        return served.camera.await_sent(round(1e3 * begun), what=kind.what).ms
    healthy = [sent for sent in served.camera.sent() if sent.ms <= 1e3 * begun + 70]
    last = healthy[-1] if healthy else before
    return 1e3 * begun if last is None else last.ms + 1e3 / last.rate


def steady(served: Served, kind: Kind, result: Result, times: int = 1) -> None:
    settle(served)
    before = served.begin()
    for _ in range(times):
        back = disturb(served, kind, result)
        result.recovered_ms = 1e3 * served.await_scene_of(back).at - back.ms
    served.check(result, before)


def play(name: str, place: str, moment: str, result: Result, desk: Desk) -> None:
    kind = KINDS[name]
    if moment == "start":
        _from_start(kind, name, place, result, desk.folder())
    else:
        served = desk.served(place, kind.guarded)
        steady(served, kind, result, times=2 if moment == "again" else 1)


def _from_start(kind: Kind, name: str, place: str, result: Result, folder: Path) -> None:
    """The fault is there before the process."""
    with serving(place, folder, guarded=kind.guarded, absent=True) as served:
        camera = served.camera
        orders = ("unplug",) if name == "unplug" else (kind.what,) if kind.what else ()
        if name == "password":
            kind.inject(camera)
        elif name != "kill":
            camera.start(*orders)
        before = served.begin()
        served.await_reason(kind.reasons, 0.0)
        result.seen = served.last_reasons()
        time.sleep(HELD_S)
        healed_ms = round(1e3 * time.monotonic())
        kind.heal(camera)
        back = camera.await_sent(healed_ms, good=True)
        result.recovered_ms = 1e3 * served.await_scene_of(back).at - back.ms
        served.check(result, before)


def _faults() -> Iterator[Fault]:
    """Those that share a server stand together."""
    order = sorted(
        (moment == "start", place, kind.guarded, moment, name)
        for name, kind in KINDS.items()
        for place in kind.places
        for moment in MOMENTS
        if (name, moment) not in LEFT_OUT and (moment != "start" or name in IN_START)
    )
    for _, place, _, moment, name in order:
        expects = " or ".join(sorted(KINDS[name].reasons)) or "scenes go on"
        yield Fault(f"{name}.{place}.{moment}", "camera", expects, partial(play, name, place, moment))


FAULTS = tuple(_faults())
