"""How far a scene may lie from the stored one, by field and backend: as the fields say, or as a file does.

On one machine the same bundle gives the same bytes; these are for another processor or release of the run
time, whose INT8 and FP16 kernels round otherwise. A field outside the table may not differ at all.
"""

from __future__ import annotations

import json
from pathlib import Path

from perception.comparison import Table, Tolerance
from perception.errors import DataError
from perception.fields import FIELDS

ON = ("cpu.fp32", "cuda.fp16", "cuda.trt.int8")  # DEVICE.PRECISION of which a field may say something else
OTHER = "other"  # stored by another backend; INT8 against FP32 on road videos and rendered scenes passes


def _table(backend: str) -> Table:
    """What the fields allow for a backend; "": everywhere."""
    return {
        f"{field.name}.{what}": tolerance
        for field in FIELDS
        for what, tolerance in field.tolerances.get(backend, {}).items()
    }


EVERYWHERE = _table("")
BACKENDS = {backend: _table(backend) for backend in (*ON, OTHER)}


def table_for(reference: str, backend: str, own: Path | None = None) -> Table:
    """The tolerances for scenes of `backend` ("cpu.int8") against stored ones of `reference`.

    own: a JSON file of changes, `{"detections.box": [2.0, 0.01]}` (limit, share). Raises DataError.
    """
    changes = BACKENDS.get(backend if backend == reference else OTHER, {})
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
