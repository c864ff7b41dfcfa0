"""Family `starved`: `perception serve` with a small share of a core, as beside others on a busy computer."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread

from tools.campaign.fault import Desk, Fault, Result
from tools.campaign.lenses import settle
from tools.campaign.programs import Program
from tools.campaign.served import serving
from tools.campaign.viewer import untrue_ms

SHARES = (0.07, 0.3)  # of a core
PERIOD_S = 0.2
STARVED_S = 15.0
UNTRUE_MS = 300.0  # so much younger than it is may a scene say it is


@contextmanager
def rationed(program: Program, share: float) -> Iterator[None]:
    """It runs for `share` of every period only."""
    ended = Event()

    def ration() -> None:
        while not ended.is_set():
            program.send(signal.SIGSTOP)
            time.sleep((1 - share) * PERIOD_S)
            program.send(signal.SIGCONT)
            time.sleep(share * PERIOD_S)

    thread = Thread(target=ration, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def starved(place: str, share: float, result: Result, desk: Desk) -> None:
    with serving(place, desk.folder()) as served:
        served.camera.tell("rate 30")
        settle(served)
        before = served.begin()
        number = len(served.viewer.seen)
        with rationed(served.program, share):
            time.sleep(STARVED_S)
        back = served.camera.await_sent(round(1e3 * time.monotonic()), good=True)
        result.recovered_ms = 1e3 * served.await_scene_of(back).at - back.ms
        seen = served.viewer.seen[number:]
        given = [one for one in seen if not one.withheld]
        result.seen = f"{len(given)} scenes, {len(seen) - len(given)} withheld"
        untrue = [ms for ms in untrue_ms(seen, served.camera.sent()) if ms > UNTRUE_MS]
        result.expect(not untrue, f"{len(untrue)} ages are untrue, by up to {max(untrue, default=0):.0f} ms")
        served.check(result, before)


FAULTS = tuple(
    Fault(f"starved.{place}.{100 * share:.0f}", "starved", "no stale scene", partial(starved, place, share))
    for place in ("pipe", "ts", "http", "rtsp")
    for share in SHARES
)
