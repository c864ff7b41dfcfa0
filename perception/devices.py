"""Which device runs the network: `device="auto"` takes the first that works and says why not the others.

A device that the user named is never replaced by another.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from perception.errors import BackendUnavailable

AUTO = "auto"
X86 = frozenset(("x86_64", "amd64", "i386", "i686"))
EXACT = frozenset(("avx512_vnni", "avx_vnni", "amx_int8"))  # of x86: sums of INT8 products in 32 bits
KIND = ("model name", "flags", "CPU implementer", "CPU part", "Features")  # x86, then ARM
Probe = Callable[[], str | None]  # why the device cannot be used; None: it can


@dataclass(frozen=True)
class Choice:
    """The device, and why not each of the others."""

    device: str
    refused: Mapping[str, str]  # device -> reason, one line


def available_threads() -> int:
    """Cores this process may use, at most 4: a network of 1.6 GMAC gains nothing from more."""
    return min(4, len(os.sched_getaffinity(0)))


@cache
def processor() -> Mapping[str, str]:
    """The fields of /proc/cpuinfo that tell one kind of processor from another; empty if there are none."""
    try:
        fields = first_processor(Path("/proc/cpuinfo").read_text())
    except OSError:
        return {}
    return {name: fields[name] for name in KIND if name in fields}


def instructions() -> frozenset[str]:
    """What the processor can do, in the words of /proc/cpuinfo; empty if it does not say."""
    info = processor()
    return frozenset(f"{info.get('flags', '')} {info.get('Features', '')}".split())


def cuts_sums_off() -> bool:
    """Whether the fastest way to multiply INT8 here adds two products in 16 bits and cuts off what does not
    fit: on x86 without VNNI (Intel before 2019, AMD before Zen 4)."""
    return platform.machine().lower() in X86 and not EXACT & instructions()


def first_processor(cpuinfo: str) -> dict[str, str]:
    """The fields of the first processor of /proc/cpuinfo."""
    pairs = (line.partition(":") for line in cpuinfo.split("\n\n")[0].splitlines())
    return {key.strip(): text.strip() for key, _, text in pairs}


def choose(wanted: str, probes: Mapping[str, Probe]) -> Choice:
    """`wanted`: "auto" or a key of `probes`, which are asked in their order, best device first.

    Raises BackendUnavailable for a device that does not work or that nobody knows.
    """
    if wanted != AUTO:
        return _named(wanted, probes)
    refused: dict[str, str] = {}
    for device, probe in probes.items():
        reason = _asked(probe)
        if reason is None:
            others = {name: f"{device} works and is preferred" for name in probes if name not in refused}
            others.pop(device)
            return Choice(device, {**refused, **others})
        refused[device] = reason
    reasons = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
    raise BackendUnavailable(
        f"expected a device that works, got none. {reasons}. `perception doctor` says more"
    )


def _named(wanted: str, probes: Mapping[str, Probe]) -> Choice:
    if wanted not in probes:
        raise BackendUnavailable(f"expected a device of {', '.join([AUTO, *probes])}, got {wanted!r}")
    reason = _asked(probes[wanted])
    if reason is not None:
        raise BackendUnavailable(
            f"device {wanted!r}: expected it to work, got: {reason}. "
            f"Mend that, see `perception doctor`, or choose device={AUTO!r}"
        )
    return Choice(wanted, {name: f"{wanted} was asked for" for name in probes if name != wanted})


def _asked(probe: Probe) -> str | None:
    """A probe that fails is a reason, too."""
    try:
        return probe()
    except (BackendUnavailable, ImportError, OSError) as error:
        return str(error) or type(error).__name__
