"""A mailbox with one slot: whoever looks always finds the newest letter."""

from __future__ import annotations

from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Hands things from one thread to another; what was not taken in time is overwritten."""

    def __init__(self) -> None:
        self.overwritten = 0  # or left at the end: never taken
        self._changed = Condition()
        self._letter: T | None = None
        self._error: BaseException | None = None
        self._closed = False

    def put(self, letter: T) -> None:
        with self._changed:
            self.overwritten += self._letter is not None or self._closed
            self._letter = None if self._closed else letter
            self._changed.notify()

    def close(self, error: BaseException | None = None) -> None:
        """Wake whoever waits, with `error` if there is one."""
        with self._changed:
            self._closed, self._error = True, error
            self.overwritten += self._letter is not None
            self._letter = None
            self._changed.notify_all()

    def take(self, timeout_s: float | None) -> T | None:
        """The newest letter, waited for; None when closed. Raises TimeoutError, or the error of `close`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._letter is not None, timeout_s):
                raise TimeoutError
            if self._error is not None:
                raise self._error
            letter, self._letter = self._letter, None
            return letter
