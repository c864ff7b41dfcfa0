"""What sources have in common that change the frames of another one."""

from __future__ import annotations

from perception.health import Health
from perception.interfaces import Source


class Around:
    """All that is the other source's own; the frames are said by the class that derives from this one."""

    def __init__(self, source: Source) -> None:
        self.live = source.live
        self.fps = source.fps
        self.images = source.images
        self.close = source.close
        self._source = source

    @property
    def lost(self) -> int:
        return self._source.lost

    @property
    def health(self) -> Health | None:
        """Of a live source."""
        return getattr(self._source, "health", None)

    @property
    def dropped(self) -> int:
        return getattr(self._source, "dropped", 0)
