"""What the metrics were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from perception.backends import CPU_RUNTIMES
from perception.devices import instructions, processor

PACKAGES = (*CPU_RUNTIMES, "numpy", "opencv-python-headless", "numba", "av")
FEATURES = ("avx2", "avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")  # what makes INT8 fast


def machine() -> dict[str, Any]:
    """Processor, cores this process may use, load of the last minute, versions."""
    info = processor()
    flags = instructions()
    return {
        "processor": info.get("model name") or platform.processor() or platform.machine(),
        "features": [name for name in FEATURES if name in flags],
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: found for name in PACKAGES if (found := _version(name))},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
