"""How good, how fast: metrics from labelled pictures and from the clock.

Nothing is imported before it is used: `bench` starts processes of this package and times their start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perception.evaluation.measure import PARTS, Report, evaluate, measure_dataset

__all__ = ["PARTS", "Report", "evaluate", "measure_dataset"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'perception.evaluation' has no attribute {name!r}")
    from perception.evaluation import measure

    return getattr(measure, name)
