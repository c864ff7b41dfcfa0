"""`synthetic:SEED[:FRAMES]`: a drive that was never driven, with a calibrated camera."""

from __future__ import annotations

from collections.abc import Iterator

from perception.errors import SourceError
from perception.synthetic import Rendered, World
from perception.types import Frame

RATE = 20  # frames a second


class SyntheticSource:
    """1280x720 at 20 frames a second; the same seed gives the same bytes. `last` has the truth."""

    live = False
    images = False
    lost = 0

    def __init__(self, seed: int, frames: int = 100) -> None:
        """Raises SourceError unless seed >= 0 and frames >= 1."""
        if seed < 0 or frames < 1:
            raise SourceError(
                f"synthetic:{seed}:{frames}: expected SEED >= 0 and FRAMES >= 1; "
                "try synthetic:7 or synthetic:7:50"
            )
        self.world, self._frames = World(seed), frames
        self.last: Rendered | None = None

    def __iter__(self) -> Iterator[Frame]:
        for k in range(self._frames):
            self.last = self.world.render(k / RATE)
            yield self.last.frame

    def close(self) -> None:
        pass
