"""What is odd about a sequence of pictures: counted, not mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from perception.types import Size


class Order:
    """Notes the stamp, the camera and the size of every picture."""

    def __init__(self) -> None:
        self.back = 0  # stamps before the one of the picture before
        self.repeated = 0  # stamps equal to it
        self.cameras: Counter[str] = Counter()  # frame_id -> pictures
        self.sizes: Counter[Size] = Counter()
        self._last: int | None = None

    def note(self, stamp_ns: int, camera: str, size: Size) -> None:
        if self._last is not None:
            self.back += stamp_ns < self._last
            self.repeated += stamp_ns == self._last
        self._last = stamp_ns
        self.cameras[camera] += 1
        self.sizes[size] += 1

    def complaints(self) -> Iterator[str]:
        kept = "frames keep the order of the file"
        if self.back:
            yield f"{self.back} stamps go back in time; {kept}"
        if self.repeated:
            yield f"{self.repeated} stamps repeat the one before; {kept}"
        if len(self.cameras) > 1:
            counts = ", ".join(f"{name!r} {count}" for name, count in self.cameras.items())
            yield f"pictures of {len(self.cameras)} cameras on one topic (frame_id: {counts})"
        if len(self.sizes) > 1:
            counts = ", ".join(f"{w} x {h}: {count}" for (w, h), count in self.sizes.items())
            yield f"pictures of {len(self.sizes)} sizes ({counts})"
