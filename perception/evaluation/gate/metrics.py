"""Metrics against those of a reference: nothing may fall by more than a tolerance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from perception.evaluation import names
from perception.evaluation.names import Name
from perception.evaluation.report.junit import Case


def judge(reference: Mapping[str, float], now: Mapping[str, float], tolerance: float) -> Iterator[Case]:
    """A case for each metric of the reference; those that are new are not judged.

    tolerance: of fractions, in their unit (0.01 is a percent point); other units may change by as many times
    their slack (`names.UNITS`).
    """
    for name, was in reference.items():
        own = Name.of(name)
        if name not in now:
            yield Case(own.task, name, "expected this metric, got none: is its task or drive missing?")
            continue
        unit = names.UNITS.get(own.what)
        limit = tolerance * unit.slack / names.SHARE if unit else tolerance
        loss = (now[name] - was) if own.falling else (was - now[name])
        yield Case(own.task, name, _told(own, was, now[name], limit) if loss > limit + 1e-12 else None)


def _told(name: Name, was: float, now: float, limit: float) -> str:
    change = names.text(name.what, now - was, signed=True)
    values = f"{names.text(name.what, was)} to {names.text(name.what, now)}"
    return f"{change}: from {values}, allowed {names.text(name.what, limit)}"
