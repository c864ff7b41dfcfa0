"""Asks every camera how it is, because what does not come makes no event, and tells those who wait."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from perception.health import PERIOD_S, Heat, Report, worst
from perception.serve.camera import Camera
from perception.serve.recording import Recorder

EVERY_S = 1.0  # the numbers are told so often, a state at once


class Pulse:
    """Of all cameras, on the server's loop."""

    def __init__(
        self,
        cameras: Mapping[str, Camera],
        recorders: Mapping[str, Recorder],
        heed: Callable[[Report], None] = lambda report: None,
    ) -> None:
        """`heed` hears of the report of all cameras together, often: systemd's watchdog."""
        self._cameras, self._recorders, self._heed = cameras, recorders, heed
        self._told: dict[str, str] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._at = dict.fromkeys(cameras, 0.0)
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled."""
        heats: dict[str, Heat] = {}
        while True:
            reports = {name: camera.report() for name, camera in self._cameras.items()}
            self._heed(together(reports))
            for name, report in reports.items():
                health = self._cameras[name].health  # another one when the source is opened
                if name not in heats or heats[name].health is not health:
                    heats[name] = Heat(health)
                heats[name](report)
            told = [self._tell(name, report) for name, report in reports.items()]
            if any(told):
                self._news.set()
                self._news = asyncio.Event()
            await asyncio.sleep(PERIOD_S)

    async def next(self, name: str, last: str = "") -> str:
        """JSON of how a camera is, as soon as it is other than `last`."""
        while (told := self._told.get(name, "")) == last:
            await self._news.wait()
        return told

    def told(self, name: str) -> dict[str, Any]:
        """How a camera is now."""
        return self._words(name, self._cameras[name].report())

    def _tell(self, name: str, report: Report) -> bool:
        now = time.monotonic()
        if report.key == self._keys.get(name) and now - self._at[name] < EVERY_S:
            return False
        self._keys[name], self._at[name] = report.key, now
        self._told[name] = json.dumps(self._words(name, report), separators=(",", ":"))
        return True

    def _words(self, name: str, report: Report) -> dict[str, Any]:
        camera, account = self._cameras[name], self._cameras[name].account
        recorder = self._recorders.get(name)
        return {
            "camera": name,
            "now_ns": time.time_ns(),
            "health": report.to_json(time.time_ns()),
            **camera.times.told(),
            "frames": vars(account) | {"in_work": account.in_work},
            "lookers": camera.studio.lookers - (recorder is not None),
            "recording": recorder.status() if recorder else None,
        }


def together(reports: Mapping[str, Report]) -> Report:
    """One report of all: the worst state, and all reasons with the name of their camera."""
    state = worst(report.state for report in reports.values())
    reasons = tuple(
        replace(reason, text=f"{name}: {reason.text}" if len(reports) > 1 else reason.text)
        for name, report in reports.items()
        for reason in report.reasons
    )
    some = next(report for report in reports.values() if report.state == state)
    hung = any(report.hung for report in reports.values())
    return replace(some, source="", reasons=reasons, hung=hung)
