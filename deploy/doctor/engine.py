"""Engines that are built already: a run takes one from the cache and builds none."""

from __future__ import annotations

from deploy.doctor.finding import Finding, degraded, ok
from deploy.doctor.machine import Machine
from perception import bundle as bundles
from perception.backends.engine_cache import this_device
from perception.errors import BackendUnavailable
from perception.load import select, stored_engines

BUILD = "perception engine"


def cached(machine: Machine) -> Finding:
    """Does a run find the engines of the shipped bundle, and did they pass their known answers?"""
    spec = bundles.read(bundles.SHIPPED)
    try:
        found = stored_engines(bundles.SHIPPED, spec, select(spec, None), "int8", spec.input_size)
    except BackendUnavailable as error:
        return degraded(
            error.seen,
            f"Until there is one the CPU is used. It takes minutes to {error.remedy or BUILD}",
            engines=0,
        )
    seen = f"{len(found)} engines for {this_device().name} in {machine.cache / 'engines'}"
    unchecked = sum(not entry.checked for entry in found.values())
    if unchecked:
        return degraded(
            f"{seen}, {unchecked} never compared with their known answers",
            f"Run {BUILD}",
            engines=len(found),
        )
    return ok(seen, engines=len(found))
