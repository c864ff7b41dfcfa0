"""The folder that a bundle is written to: free at the start, filled at the end."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path

from perception.bundle import MODEL
from perception.errors import PerceptionError
from perception.outputs import PartFile


def check_free(out: Path) -> None:
    """Raises PerceptionError unless `out` is an empty folder that can be written to, or may become one."""
    whole = out.absolute()
    place = next(path for path in (whole, *whole.parents) if os.path.exists(path))
    if not (place.is_dir() and os.access(place, os.R_OK | os.W_OK | os.X_OK)):
        raise PerceptionError(
            f"--out {out}: expected a folder to write to, got {place}, which cannot be written to",
            "choose another one",
        )
    if place == whole and any(place.iterdir()):
        raise PerceptionError(
            f"--out {out}: expected a new or an empty folder, got one with files", "choose another one"
        )


def put(made: Path, out: Path) -> None:
    """Copy the files of the folder `made` into `out`, model.json last.

    None has its name before all are whole, so what `out` held is there until then. Raises SinkError.
    """
    with ExitStack() as stack:
        parts = []
        for file in sorted(made.iterdir(), key=lambda path: path.name == MODEL):
            part = PartFile(out / file.name)
            stack.callback(part.discard)
            with part.or_nothing(), file.open("rb") as source:
                shutil.copyfileobj(source, part.file)
                part.file.flush()
            parts.append(part)
        for part in parts:
            part.commit()
