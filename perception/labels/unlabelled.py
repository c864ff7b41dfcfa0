"""Videos that nobody labelled: only how steady the results are is judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from perception.errors import DataError
from perception.labels.labelled import VAL, Asked, Labelled, file_name
from perception.labels.truth import Truth
from perception.redaction import redacted
from perception.sources import open_recorded
from perception.types import Frame

SET = "video"
NOTHING = Truth(SET, tags=(f"set:{SET}",))


@dataclass
class UnlabelledVideo:
    """The frames of a recorded source; opened anew by every iteration."""

    text: str
    name: str
    remarks: tuple[str, ...] = ()
    lost: int = 0

    def parts(self, size: int) -> list[UnlabelledVideo]:
        """A video is seen in order, so it is one piece."""
        return [self]

    def __iter__(self) -> Iterator[tuple[Frame, Truth]]:
        with closing(open_recorded(self.text)) as source:
            for seq, frame in enumerate(source):
                yield replace(frame, seq=seq), NOTHING
            self.lost = source.lost


def open_video(text: str, asked: Asked = VAL) -> list[Labelled]:
    """From whatever `perception run` takes that has an end and is no unrelated pictures.

    Raises SourceError, DataError.
    """
    with closing(open_recorded(text)) as source:
        if source.images:
            raise DataError(f"{text}: expected a video, got unrelated pictures without labels")
    name = file_name(Path(text).stem if Path(text).exists() else redacted(text))
    return [UnlabelledVideo(text, name)]
