"""Build networks with TensorRT for RTX, which needs no GPU for it: `python -m tests.gpu.rtx_gate FILE...`

Runs where `tensorrt_rtx_bindings` can be imported. A line of JSON a file: `bytes` of the engine, or `fault`.
The code that builds is that of deploy/engine_build.py.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from deploy.engine_build import build
from perception.backends.engine_cache import EngineOptions
from perception.errors import PerceptionError


def gate(trt: Any, path: Path, timing: Path) -> dict[str, object]:
    steps: list[tuple[str, int, int]] = []
    try:
        plan = build(
            trt, path.read_bytes(), EngineOptions(batch=16), timing, lambda *step: steps.append(step)
        )
    except PerceptionError as error:
        return {"kind": type(error).__name__, "fault": str(error)}
    return {"bytes": len(plan), "timing": timing.stat().st_size, "steps": len(steps)}


def main() -> None:
    import tensorrt_rtx_bindings as trt

    for name in sys.argv[1:]:
        seen = gate(trt, Path(name), Path(name).with_suffix(".timing"))
        print(json.dumps({"version": trt.__version__, **seen}))


if __name__ == "__main__":
    main()
