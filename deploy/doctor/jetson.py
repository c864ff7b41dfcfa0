"""Jetson Linux and its power mode."""

from __future__ import annotations

import re
from typing import Any

from deploy.doctor.finding import Finding, degraded, ok, skipped
from deploy.doctor.machine import Machine

RELEASE = "/etc/nv_tegra_release"
OLDEST = 36  # JetPack 6; before it Python is older than 3.10
JETPACKS = (  # L4T from this release on -> JetPack
    ((39, 2), "7.2"),
    ((38, 4), "7.1"),
    ((38, 2), "7.0"),
    ((36, 4, 3), "6.2"),
    ((36, 4), "6.1"),
    ((36, 3), "6.0"),
)
NEWEST = 39
MODES = "/etc/nvpmodel.conf"
MODE = re.compile(r"^\s*<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>", re.MULTILINE)
FASTEST = ("MAXN_SUPER", "MAXN")
FULL = re.compile(r"MAXN|MODE_MAX", re.IGNORECASE)


def release(machine: Machine) -> Finding:
    """L4T and the JetPack that brings it."""
    if not machine.jetson:
        return skipped("not a Jetson")
    numbers = l4t(machine)
    if not numbers:
        return degraded(
            f"{machine.jetson} without {RELEASE}",
            f"In a container: --runtime nvidia, or mount {RELEASE}; on the device: flash JetPack 6 or 7",
        )
    text, jetpack = ".".join(map(str, numbers)), jetpack_of(numbers)
    facts: dict[str, Any] = {"model": machine.jetson, "l4t": text, "jetpack": jetpack}
    if numbers[0] < OLDEST:
        advice = "Flash JetPack 6 or 7: older ones have Python before 3.10 and TensorRT before 8.6"
        return degraded(f"{machine.jetson}, L4T {text}", advice, **facts)
    if numbers[0] > NEWEST:
        advice = "Newer than what this version knows: `perception bench --device cuda` shows whether it works"
        return degraded(f"{machine.jetson}, L4T {text}", advice, **facts)
    return ok(f"{machine.jetson}, L4T {text}, JetPack {jetpack or 'unknown'}", **facts)


def l4t(machine: Machine) -> tuple[int, ...]:
    """(36, 4, 3) of "# R36 (release), REVISION: 4.3, ..."; () where it is not said."""
    match = re.search(r"R(\d+).*?REVISION:\s*([\d.]+)", machine.read(RELEASE))
    if not match:
        return ()
    return (int(match[1]), *(int(part) for part in match[2].split(".") if part))


def jetpack_of(numbers: tuple[int, ...]) -> str | None:
    """Of an L4T release; None: too old to be in the table."""
    return next((name for first, name in JETPACKS if numbers >= first), None)


def power_mode(machine: Machine) -> Finding:
    """What the processor and the device may draw; speed follows it."""
    command = machine.which("nvpmodel", "/usr/sbin")
    if not command:
        return skipped("no nvpmodel: not a Jetson, or in a container")
    match = re.search(r"NV Power Mode:\s*(\S+)", machine.run(command, "-q") or "")
    if not match:
        return degraded("nvpmodel does not say which", "Ask it yourself: sudo nvpmodel -q")
    mode = match[1]
    if FULL.search(mode):
        return ok(f"{mode}, the fastest", mode=mode)
    number = fastest(machine)
    return ok(
        f"{mode}, not the fastest",
        f"For all of the speed: sudo nvpmodel -m {number or 'ID'} && sudo jetson_clocks"
        f"{'' if number else f'; {MODES} has the IDs'}",
        mode=mode,
    )


def fastest(machine: Machine) -> str | None:
    """ID of the fastest mode, which differs from board to board; None where it is not said."""
    found = {name: number for number, name in MODE.findall(machine.read(MODES))}
    return next((found[name] for name in FASTEST if name in found), None)
