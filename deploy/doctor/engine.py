"""Engines that are built already: a run takes one from the cache and builds none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deploy.doctor.finding import Finding, degraded, ok
from deploy.doctor.machine import Machine
from perception.backends.engine_cache import RECORD
from perception.driver import Driver, look

BUILD = "perception engine"


def cached(machine: Machine) -> Finding:
    """How many engines fit this device, driver and TensorRT, and whether they passed their known answers."""
    from perception.backends.trt import load

    folder, device = machine.cache / "engines", look()
    wanted = bound_to(device, load().__version__)
    homes = [path for path in sorted(folder.glob(f"*/{RECORD}")) if not path.parent.suffix]  # no .bad, .part
    records = [found for path in homes if (found := _record(path))]
    ours = [record for record in records if _bound(record) == wanted]
    seen = f"{len(ours)} engines for {device.name} in {folder}"
    facts: dict[str, Any] = {"engines": len(ours), "of_others": len(records) - len(ours)}
    if not ours:
        return degraded(
            seen, f"Until there is one the CPU is used. Build it, which takes minutes: {BUILD}", **facts
        )
    unchecked = sum(not record.get("checked") for record in ours)
    if unchecked:
        return degraded(
            f"{seen}, {unchecked} never compared with their known answers", f"Run {BUILD}", **facts
        )
    return ok(seen, **facts)


def bound_to(device: Driver, tensorrt: str) -> tuple[Any, ...]:
    """What decides whether an engine runs here. (Its key has more: the builds of the libraries, and L4T.)"""
    return device.name, list(device.capability), ".".join(map(str, device.version)), tensorrt


def _bound(record: dict[str, Any]) -> tuple[Any, ...]:
    of, device = record["of"], record["of"]["device"]
    return device["name"], device["capability"], device["cuda"], of["tensorrt"].split()[0]


def _record(path: Path) -> dict[str, Any] | None:
    """None: not whole."""
    try:
        record = json.loads(path.read_text())
        _bound(record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
    return record
