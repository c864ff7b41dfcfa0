"""Whether Linux slows the machine down because it is hot, as `/sys/class/thermal` says.

A zone is too hot from its `passive` trip point on, where the kernel begins to slow a device down. A cooling
device other than a fan is in use as soon as its `cur_state` is above 0: clocks of a processor or a GPU.
https://docs.kernel.org/driver-api/thermal/sysfs-api.html
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from perception.health.health import Health
from perception.health.report import Report

THERMAL = Path("/sys/class/thermal")
EVERY_NS = 2_000_000_000
SLOWING = ("passive", "hot", "critical")  # trip points
CLOCKS = ("processor", "cpu", "gpu", "devfreq")  # in the types of cooling devices that slow down


class Heat:
    """Says and clears the reason `hot`. It is a listener of a `Watcher`."""

    def __init__(self, health: Health, folder: Path | None = None) -> None:
        """`folder`: None: THERMAL. Where there is none, as in some containers, nothing is ever said."""
        self.health, self._folder = health, folder or THERMAL
        self._looked_ns: int | None = None

    def __call__(self, report: Report) -> None:
        """Call it often: it looks every two seconds."""
        if self._looked_ns is not None and report.now_ns - self._looked_ns < EVERY_NS:
            return
        self._looked_ns = report.now_ns
        try:
            found = [*_hot_zones(self._folder), *_slowed(self._folder)]
        except OSError:  # no descriptor is free: it is not known, and what was said stays
            return
        if found:
            self.health.say("hot", "; ".join(found), report.now_ns)
        else:
            self.health.clear("hot")


def _hot_zones(folder: Path) -> Iterator[str]:
    for zone in sorted(folder.glob("thermal_zone*")):
        celsius = _number(zone / "temp")
        trips = [
            number
            for kind in zone.glob("trip_point_*_type")
            if _text(kind) in SLOWING
            and (number := _number(kind.with_name(kind.name.replace("_type", "_temp")))) is not None
        ]
        above = [trip for trip in trips if trip > 0]  # 0 and less: switched off
        if celsius is not None and above and celsius >= min(above):
            name, limit = _text(zone / "type"), min(above)
            yield f"{name} is at {celsius / 1000:.0f} °C, and slowed down from {limit / 1000:.0f} °C on"


def _slowed(folder: Path) -> Iterator[str]:
    for device in sorted(folder.glob("cooling_device*")):
        kind, state = _text(device / "type"), _number(device / "cur_state")
        if state is not None and state > 0 and any(name in kind.lower() for name in CLOCKS):
            most = _number(device / "max_state")
            yield f"{kind} is slowed down" + (f", step {state} of {most}" if most else "")


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):  # a sensor that is switched off cannot be read
        return ""


def _number(path: Path) -> int | None:
    try:
        return int(_text(path))
    except ValueError:
        return None
