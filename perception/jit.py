"""Loops, compiled by numba once for a machine; who waits for it is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numba
from numba.core import event as events

log = logging.getLogger(__name__)

Kernel = Callable[..., Any]


@lru_cache
def _tell_of_no_cache() -> None:
    """Once a process."""
    log.warning(
        "found no folder to keep compiled code in, so each start compiles anew, which takes long; let "
        "NUMBA_CACHE_DIR be one that can be written to"
    )


class _Telling(events.Listener):
    """Says once a process that time goes into compiling: it may be a minute, and looks as if it hung."""

    told = False

    def on_start(self, event: events.Event) -> None:
        of = event.data["dispatcher"].py_func.__module__
        if not self.told and of.startswith(("perception.kernels.", "perception.stages.")):
            self.told = True
            log.warning(
                "compiling for this processor, once: about a minute until the first frame (python -m "
                "perception.kernels and python -m perception.stages do it ahead)"
            )

    def on_end(self, event: events.Event) -> None:
        pass


events.register("numba:compile", _Telling())  # type: ignore[no-untyped-call]


def compiled(function: Kernel, fastmath: bool = False) -> Kernel:
    """Kept on disk beside the source, else in the user's cache, else for this process only."""
    try:
        return numba.njit(cache=True, fastmath=fastmath, error_model="numpy")(function)
    except RuntimeError:  # numba found no place that it may write to
        _tell_of_no_cache()
        return numba.njit(fastmath=fastmath, error_model="numpy")(function)
