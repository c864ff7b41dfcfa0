"""The disk and the clock."""

from __future__ import annotations

import tempfile
import time

from deploy.doctor.finding import Finding, degraded, ok
from deploy.doctor.machine import Machine

ROOM_MB = 1000.0  # engines, compiled kernels and a build in progress
RELEASED = 1_767_225_600.0  # 2026-01-01: no clock that is right shows an earlier time
CLOCK_SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
SLOW_SOURCES = ("hpet", "acpi_pm", "jiffies")


def cache(machine: Machine) -> Finding:
    """Engines and compiled kernels can be kept."""
    folder = machine.cache
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
            file.flush()
    except OSError as error:
        return degraded(
            f"{folder} cannot be written: {error.strerror}",
            "Without it every start compiles anew: chown it, or point XDG_CACHE_HOME to a folder of yours",
        )
    free = machine.free_mb(folder)
    if free < ROOM_MB:
        return degraded(f"{folder} has {free:.0f} MB left", f"Free {ROOM_MB:.0f} MB, or set XDG_CACHE_HOME")
    return ok(f"{folder}, {free / 1000:.0f} GB free", free_mb=round(free))


def clock(machine: Machine) -> Finding:
    """It shows a possible time, and reading it is cheap."""
    now = machine.now()
    day = time.strftime("%Y-%m-%d", time.gmtime(now))
    source = machine.read(CLOCK_SOURCE).strip()
    if now < RELEASED:
        advice = "Set it (timedatectl set-ntp true; a Jetson needs a battery for its clock): stamps are wrong"
        return degraded(f"the clock shows {day}", advice, now=now)
    if source in SLOW_SOURCES:
        return degraded(
            f"{day}, clock source {source}", "Reading it is slow: boot with tsc if the machine has it"
        )
    return ok(f"{day}, clock source {source or 'unknown'}", source=source)
