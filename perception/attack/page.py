"""The table of attacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

COLUMNS = ("frames", "clean", "attacked", "chance", "broken", "blind", "adaptive")
SHARES = ("chance", "broken", "blind", "adaptive")


def rows_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    """Cells: task and strength, then COLUMNS, in %."""
    for row in rows:
        scores = (f"{100 * row[name]:.1f}" for name in ("clean", "attacked"))
        shares = (f"{100 * row[name]['value']:.0f}" for name in SHARES)
        yield [row["task"], str(row["strength"]), str(row["frames"]), *scores, *shares]
