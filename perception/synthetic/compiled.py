"""Loops over pixels, compiled by numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

Kernel = Callable[..., Any]
_OPTIONS = {"fastmath": True, "error_model": "numpy"}


def compiled(function: Kernel) -> Kernel:
    """Kept on disk beside the source, else in the user's cache, else for this process only."""
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # numba found no place that it may write to
        return numba.njit(**_OPTIONS)(function)


def inlined(function: Kernel) -> Kernel:
    """For use inside compiled loops."""
    return numba.njit(**_OPTIONS)(function)
