"""`synthetic:SEED[:FRAMES][?conditions=NAMES]`: a drive that was never driven, with a calibrated camera."""

from __future__ import annotations

from collections.abc import Iterator

from perception.errors import SourceError
from perception.synthetic import Conditions, Rendered, World
from perception.types import Frame

RATE = 20  # frames a second
FRAMES = 100  # unless another number is asked for


class SyntheticSource:
    """1280x720 at 20 frames a second; the same seed gives the same bytes. `last` has the truth."""

    live = False
    images = False
    fps = float(RATE)
    lost = 0

    def __init__(self, seed: int, frames: int = FRAMES, conditions: str = "day") -> None:
        """Raises SourceError unless seed >= 0 and frames >= 1, and for conditions that there are not."""
        if seed < 0 or frames < 1:
            raise SourceError(
                f"synthetic:{seed}:{frames}: expected SEED >= 0 and FRAMES >= 1; "
                "try synthetic:7 or synthetic:7:50"
            )
        try:
            asked = Conditions.parse(conditions)
        except ValueError as error:
            raise SourceError(f"synthetic:{seed}?conditions={error}") from error
        self.world, self._frames = World(seed, conditions=asked), frames
        self.last: Rendered | None = None

    def __iter__(self) -> Iterator[Frame]:
        for k in range(self._frames):
            self.last = self.world.render(k / RATE)
            yield self.last.frame

    def close(self) -> None:
        pass
