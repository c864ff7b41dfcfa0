"""Loops over pixels, compiled by numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

Kernel = Callable[..., Any]


def compiled(function: Kernel) -> Kernel:
    """Kept on disk beside the source, else in the user's cache, else for this process only."""
    try:
        return numba.njit(cache=True, fastmath=True, error_model="numpy")(function)
    except RuntimeError:  # numba found no place that it may write to
        return inlined(function)


def inlined(function: Kernel) -> Kernel:
    """For use inside compiled loops."""
    return numba.njit(fastmath=True, error_model="numpy")(function)
