"""Loops over pixels, compiled by numba."""

from __future__ import annotations

import numba

from perception import jit
from perception.jit import Kernel


def compiled(function: Kernel) -> Kernel:
    """Kept as the kernels are; sums may be taken in another order."""
    return jit.compiled(function, fastmath=True)


def inlined(function: Kernel) -> Kernel:
    """For use inside compiled loops."""
    return numba.njit(fastmath=True, error_model="numpy")(function)
