"""How long frames took, of any choice of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from perception.evaluation.records import FrameRecord
from perception.evaluation.seeing import AGE
from perception.timing import PERCENTILES, Stages


def latency(
    records: Sequence[FrameRecord], dropped: int = 0, deadline_ms: float | None = None
) -> dict[str, Any]:
    """Plain values for JSON: percentiles in ms by stage, frames dropped, how many of the others were late.

    `total` is the time of all stages, `age` that with the wait before; where there is an age, the deadline is
    for it.
    """
    stages, ages = Stages(max(1, len(records))), []
    timed = [record for record in records if record.timing_ms]  # a crop with one sign is not
    for record in timed:
        stages.add({name: ms for name, ms in record.timing_ms.items() if name != AGE})
        ages += [record.timing_ms[AGE]] if AGE in record.timing_ms else []
    found: dict[str, Any] = {"frames": len(timed), "dropped": dropped, "ms": stages.percentiles()}
    if ages:
        found["ms"][AGE] = {f"p{p}": round(float(np.percentile(ages, p)), 3) for p in PERCENTILES}
    if deadline_ms is not None:
        found |= {
            "deadline_ms": deadline_ms,
            "missed": sum(delay(r.timing_ms) > deadline_ms for r in records),
        }
    return found


def delay(timing_ms: Mapping[str, float]) -> float:
    """Milliseconds from a frame to its scene: its age, or all stages if there was no clock."""
    return timing_ms[AGE] if AGE in timing_ms else sum(timing_ms.values())
