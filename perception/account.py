"""What became of the frames that a camera took."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass
class Account:
    """captured = answered + dropped + failed + lost + those in work. All are numbers of frames.

    `captured` is what is known of: by the numbers of the frames, and by what their source says.
    """

    captured: int = 0
    answered: int = 0  # their scenes reached every sink
    dropped: int = 0  # could be read, but were not looked at: a newer one came first, or the end
    failed: int = 0  # were looked at, without a result
    lost: int = 0  # could not be read: damaged, missing, never received

    @property
    def in_work(self) -> int:
        """Captured, and nothing is known of them yet."""
        return self.captured - self.answered - self.dropped - self.failed - self.lost

    def __add__(self, other: Account) -> Account:
        return Account(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Account)))

    def settle(self) -> None:
        """Nothing is in work any more: what was will not be answered."""
        self.dropped += max(0, self.in_work)
