"""The processor: which instructions it has for INT8.

What MLAS, onnxruntime's library of kernels, uses for uint8 x int8 decides how much faster INT8 is than float.
"""

from __future__ import annotations

from typing import Any

from deploy.doctor.finding import Finding, degraded, ok
from deploy.doctor.machine import Machine
from perception.devices import first_processor

# Best first: flag of /proc/cpuinfo, its name, what it does for INT8.
KINDS = (
    ("amx_int8", "AMX", "INT8 in tiles"),
    ("avx512_vnni", "AVX512-VNNI", "64 INT8 products an instruction"),
    ("avx_vnni", "AVX-VNNI", "32 INT8 products an instruction"),
    ("i8mm", "NEON i8mm", "32 INT8 products an instruction"),
    ("asimddp", "NEON dot product", "16 INT8 products an instruction"),
)
SLOW = (
    "INT8 has little or no gain here: compare with `perception bench`, and take --precision fp32 if it wins"
)
WITHOUT_VNNI = "AVX2 without VNNI: exact INT8 products take several instructions"


def processor(machine: Machine) -> Finding:
    """Name, and the best instructions it has."""
    fields = first_processor(machine.read("/proc/cpuinfo"))
    flags = f"{fields.get('flags', '')} {fields.get('Features', '')}".split()
    name = fields.get("model name") or machine.jetson or machine.architecture
    facts: dict[str, Any] = {
        "name": name,
        "flags": [flag for flag, *_ in (*KINDS, ("avx2",)) if flag in flags],
    }
    if not flags:
        return degraded(f"{name}: /proc/cpuinfo names no instructions", SLOW, **facts)
    for flag, kind, meaning in KINDS:
        if flag in flags:
            return ok(f"{name}, {kind}: {meaning}", **facts)
    if "avx2" in flags:
        return degraded(f"{name}, {WITHOUT_VNNI}", SLOW, **facts)
    return degraded(f"{name}, no INT8 dot product", SLOW, **facts)
