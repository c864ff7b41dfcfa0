"""How far a scene may lie from the stored one, by field and backend: the one place of the defaults.

On one machine the same bundle gives the same bytes; these are for another processor or release of the run
time, whose INT8 and FP16 kernels round otherwise. A field outside the table may not differ at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perception.errors import DataError


@dataclass(frozen=True)
class Tolerance:
    """An element may differ by `limit`; of the elements of a drive, `share` may differ by more."""

    limit: float = 0.0  # in the unit of the field; names and kinds are equal (0) or not (1)
    share: float = 0.0


Table = Mapping[str, Tolerance]

EXACT = Tolerance()
EVERYWHERE: Table = {
    "detections.box": Tolerance(1.0, 0.01),  # pixels, the corner that moved most
    "detections.score": Tolerance(0.02, 0.01),
    "detections.class": Tolerance(0, 0.005),
    "detections.missing": Tolerance(0, 0.02),  # near the threshold a hair decides
    "detections.new": Tolerance(0, 0.02),
    "signs.box": Tolerance(1.0, 0.01),
    "signs.score": Tolerance(0.03, 0.02),
    "signs.class": Tolerance(0, 0.01),
    "signs.missing": Tolerance(0, 0.02),
    "signs.new": Tolerance(0, 0.02),
    "lanes.points": Tolerance(2.0, 0.02),  # pixels, at the heights that both lines have
    "lanes.reach": Tolerance(8.0, 0.05),  # pixels up or down, of the end that moved most
    "lanes.road": Tolerance(0.1, 0.05),  # metres
    "lanes.score": Tolerance(0.02, 0.02),
    "lanes.kind": Tolerance(0, 0.01),
    "lanes.missing": Tolerance(0, 0.02),
    "lanes.new": Tolerance(0, 0.02),
    "drivable.share": Tolerance(0.002, 0.01),
}
BACKENDS: Mapping[str, Table] = {  # DEVICE.PRECISION -> what is otherwise there
    "cpu.fp32": {
        "detections.box": Tolerance(0.2, 0.005),
        "detections.score": Tolerance(0.002, 0.005),
        "signs.score": Tolerance(0.005, 0.005),
        "lanes.points": Tolerance(0.5, 0.01),
        "lanes.score": Tolerance(0.002, 0.005),
        "drivable.share": Tolerance(0.0003, 0.005),
    },
    "cuda.fp16": {"detections.box": Tolerance(1.0, 0.02), "detections.score": Tolerance(0.02, 0.02)},
    "cuda.trt.int8": {
        "detections.box": Tolerance(2.0, 0.03),
        "detections.score": Tolerance(0.05, 0.03),
        "lanes.points": Tolerance(3.0, 0.03),
        "drivable.share": Tolerance(0.005, 0.02),
    },
    "other": {  # stored by another backend; INT8 against FP32 on road videos and rendered scenes passes
        "detections.box": Tolerance(4.0, 0.1),
        "detections.score": Tolerance(0.15, 0.1),
        "detections.class": Tolerance(0, 0.03),
        "detections.missing": Tolerance(0, 0.2),
        "detections.new": Tolerance(0, 0.2),
        "signs.box": Tolerance(4.0, 0.1),
        "signs.score": Tolerance(0.15, 0.1),
        "signs.class": Tolerance(0, 0.05),
        "signs.missing": Tolerance(0, 0.3),
        "signs.new": Tolerance(0, 0.3),
        "lanes.points": Tolerance(6.0, 0.1),
        "lanes.reach": Tolerance(30.0, 0.15),
        "lanes.road": Tolerance(0.3, 0.1),
        "lanes.score": Tolerance(0.1, 0.1),
        "lanes.kind": Tolerance(0, 0.15),
        "lanes.missing": Tolerance(0, 0.1),
        "lanes.new": Tolerance(0, 0.1),
        "drivable.share": Tolerance(0.02, 0.05),
    },
}


def table_for(reference: str, backend: str, own: Path | None = None) -> Table:
    """The tolerances for scenes of `backend` ("cpu.int8") against stored ones of `reference`.

    own: a JSON file of changes, `{"detections.box": [2.0, 0.01]}` (limit, share). Raises DataError.
    """
    changes = BACKENDS.get(backend if backend == reference else "other", {})
    return {**EVERYWHERE, **changes, **(_read(own) if own is not None else {})}


def _read(path: Path) -> Table:
    try:
        rows = json.loads(path.read_text())
        found = {name: Tolerance(float(limit), float(share)) for name, (limit, share) in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        wanted = '{"detections.box": [LIMIT, SHARE], ...}'
        raise DataError(f"{path}: expected tolerances {wanted}, got {error}. Mend the file") from error
    unknown = sorted(set(found) - set(EVERYWHERE))
    if unknown:
        raise DataError(
            f"{path}: expected fields of {sorted(EVERYWHERE)}, got {unknown}. Take out what is no field"
        )
    return found
