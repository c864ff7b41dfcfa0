"""What settings may be, which name lines of tables or act together."""

from __future__ import annotations

from collections.abc import Iterable

from perception.errors import DataError
from perception.model.sharing import SHARING
from perception.tasks.heads import HEADS
from perception.training.backward import PLACES
from perception.training.balance import BALANCE
from perception.training.config import WEIGHTS, Config
from perception.training.data import READERS
from perception.training.schedule import SCHEDULES


def check_names(config: Config) -> None:
    """Raises DataError if a table has no such line, or a setting is for another schedule or balance."""
    tables: dict[str, tuple[tuple[str, ...], Iterable[str]]] = {
        "tasks": (config.tasks, HEADS),
        "sharing": ((config.sharing,), SHARING),
        "balance": ((config.balance,), BALANCE),
        "schedule": ((config.schedule,), SCHEDULES),
        "balance_at": ((config.balance_at,), PLACES),
        "licences": ((config.licences,), READERS),
    }
    for key, (names, table) in tables.items():
        unknown = sorted(set(names) - set(table))
        if unknown:
            raise DataError(f"{key}: expected of {', '.join(table)}, got {', '.join(unknown)}")
    for key, schedule in (("frozen", "staged"), ("groups", "grouped")):
        if getattr(config, key) and config.schedule != schedule:
            raise DataError(
                f"{key}: expected schedule={schedule}, which it is for, got schedule={config.schedule}. "
                f"Add --set schedule={schedule}"
            )
    if config.balance != "static" and config.weights and config.weights != WEIGHTS:
        raise DataError(
            f"weights: expected balance=static, which they are for, got balance={config.balance}. "
            "Add --set balance=static, or leave them out"
        )
