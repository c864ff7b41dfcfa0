"""What commands draw on: a terminal that shows names as they are, without turning `:car:` into a picture."""

from __future__ import annotations

from typing import Any

from rich.console import Console


def terminal(**options: Any) -> Console:
    """A rich console for stdout, or as `options` say; the only place that makes one."""
    return Console(emoji=False, **options)
