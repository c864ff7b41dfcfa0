"""Records as Parquet files. The only place that knows pyarrow.

`frames`: a row a frame. `counts`: a row a frame and metric, in the order of the frames. `boxes`: a row a box
that was found, in the order of the rows of `counts` whose kind is "ranked".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from perception.errors import DataError, PerceptionError
from perception.sinks.files import write_whole
from perception.tasks.evidence import MEDIANS, Counts, Distances, Evidence, Ranked

RANKED = "ranked"  # a kind beside those of FORMULAS and MEDIANS
HITS = ("right", "false", "found", "missed")
COLUMNS = {  # kind -> where in `values` the columns of HITS are
    **dict.fromkeys(("hits", "objects", "read", "metres", "pixels"), (0, 1, 2, 3)),
    "culane": (0, 1, 0, 2),
}
BITS = 1 << np.arange(10)  # of a number that holds one bool for each IoU


def write(
    folder: Path, frames: Sequence[Mapping[str, Any]], evidence: Sequence[Mapping[str, Evidence]]
) -> None:
    """Raises SinkError."""
    pa = _arrow()
    of_frames = [dict(row) | {"metrics": len(said)} for row, said in zip(frames, evidence, strict=True)]
    counts = [
        _count_row(frame, name, part)
        for frame, said in zip(frames, evidence, strict=True)
        for name, part in said.items()
    ]
    _write(folder / "frames.parquet", pa.Table.from_pylist(of_frames, _frames(pa)))
    _write(folder / "counts.parquet", pa.Table.from_pylist(counts, _counts(pa)))
    _write(folder / "boxes.parquet", _box_table(frames, evidence))


def read(folder: Path) -> Iterator[tuple[dict[str, Any], dict[str, Evidence]]]:
    """(row of a frame, its evidence). Raises DataError."""
    frames, counts = (_read(folder / f"{name}.parquet").to_pylist() for name in ("frames", "counts"))
    boxes = _read(folder / "boxes.parquet")
    score = np.asarray(boxes["score"], np.float32)
    right, counted = (_bools(np.asarray(boxes[name])) for name in ("right", "counts"))
    at, box = 0, 0
    for row in frames:
        said: dict[str, Evidence] = {}
        for count in counts[at : at + row["metrics"]]:
            kind, values = count["kind"], np.array(count["values"], np.float64)
            if kind == RANKED:
                own = slice(box, box + int(values[1]))
                box = own.stop
                said[count["metric"]] = Ranked(int(values[0]), score[own], right[:, own], counted[:, own])
            else:
                said[count["metric"]] = Distances(values, kind) if kind in MEDIANS else Counts(kind, values)
        at += row["metrics"]
        yield row, said


def _count_row(frame: Mapping[str, Any], metric: str, part: Evidence) -> dict[str, Any]:
    row = {"drive": frame["drive"], "seq": frame["seq"], "metric": metric}
    if isinstance(part, Ranked):
        return {**row, "kind": RANKED, "values": [part.objects, len(part.score)]}
    if isinstance(part, Distances):
        return {**row, "kind": part.kind, "values": part.values.tolist()}
    values = part.values.tolist()
    hits = {name: values[i] for name, i in zip(HITS, COLUMNS.get(part.kind, ()), strict=False)}
    return {**row, "kind": part.kind, "values": values, **hits}


def _box_table(frames: Sequence[Mapping[str, Any]], evidence: Sequence[Mapping[str, Evidence]]) -> Any:
    pa = _arrow()
    parts = [
        (frame, name, part)
        for frame, said in zip(frames, evidence, strict=True)
        for name, part in said.items()
        if isinstance(part, Ranked)
    ]
    n = np.array([len(part.score) for _, _, part in parts], int)
    none = np.empty((10, 0), bool)
    columns = [
        np.repeat(np.array([frame["drive"] for frame, _, _ in parts], object), n),
        np.repeat(np.array([frame["seq"] for frame, _, _ in parts], np.int64), n),
        np.repeat(np.array([name for _, name, _ in parts], object), n),
        np.concatenate([np.empty(0, np.float32), *(part.score for _, _, part in parts)]),
        _bits(np.concatenate([none, *(part.right for _, _, part in parts)], 1)),
        _bits(np.concatenate([none, *(part.counts for _, _, part in parts)], 1)),
    ]
    schema = _boxes(pa)
    arrays = [pa.array(column, type) for column, type in zip(columns, schema.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _bits(flags: np.ndarray) -> np.ndarray:
    """(10, n) bool to (n,) uint16, the first IoU in the lowest bit."""
    return (flags * BITS[:, None]).sum(0).astype(np.uint16)


def _bools(bits: np.ndarray) -> np.ndarray:
    return (bits & BITS[:, None]) > 0


def _frames(pa: Any) -> Any:
    return pa.schema(
        [
            ("drive", pa.string()),
            ("seq", pa.int64()),
            ("stamp_ns", pa.int64()),
            ("source", pa.string()),
            ("tags", pa.list_(pa.string())),
            ("timing_ms", pa.map_(pa.string(), pa.float64())),
            ("metrics", pa.int32()),
        ]
    )


def _counts(pa: Any) -> Any:
    return pa.schema(
        [
            ("drive", pa.string()),
            ("seq", pa.int64()),
            ("metric", pa.string()),
            ("kind", pa.string()),
            ("values", pa.list_(pa.float64())),
            *((name, pa.float64()) for name in HITS),
        ]
    )


def _boxes(pa: Any) -> Any:
    return pa.schema(
        [
            ("drive", pa.string()),
            ("seq", pa.int64()),
            ("metric", pa.string()),
            ("score", pa.float32()),
            ("right", pa.uint16()),
            ("counts", pa.uint16()),
        ]
    )


def _write(path: Path, table: Any) -> None:
    from pyarrow import BufferOutputStream, parquet

    out = BufferOutputStream()
    parquet.write_table(table, out, compression="zstd")
    write_whole(path, out.getvalue().to_pybytes())


def _read(path: Path) -> Any:
    pa = _arrow()
    from pyarrow import parquet

    try:
        return parquet.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: expected a Parquet file of records, got {error}. Evaluate again") from error


def _arrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise PerceptionError("records are Parquet files: pip install 'perception[eval]'") from error
    return pyarrow
