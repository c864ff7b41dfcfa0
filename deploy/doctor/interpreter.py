"""Python itself."""

from __future__ import annotations

import platform
import sys

from deploy.doctor.finding import Finding, degraded, ok, unusable
from deploy.doctor.machine import Machine

OLDEST, NEWEST = (3, 10), (3, 13)  # setup.py says the same
ARCHITECTURES = ("x86_64", "aarch64")


def python(machine: Machine) -> Finding:
    """Version, architecture, and where it comes from."""
    version, architecture = sys.version_info[:2], machine.architecture
    seen = f"Python {platform.python_version()}, {architecture}, {sys.prefix}"
    facts = {"version": platform.python_version(), "architecture": architecture}
    if version < OLDEST:
        return unusable(
            seen, "Install Python 3.10 to 3.13; JetPack 6 brings 3.10, JetPack 7 brings 3.12", **facts
        )
    if version > NEWEST:
        return degraded(
            seen, "Python 3.10 to 3.13 are tested; make the environment with one of them", **facts
        )
    if architecture not in ARCHITECTURES:
        return degraded(seen, f"Only {' and '.join(ARCHITECTURES)} are tested", **facts)
    return ok(seen, **facts)
