"""The folder that a bundle is written to: free at the start, filled at the end."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from perception.bundle import MODEL
from perception.errors import BundleError, PerceptionError


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
    """Copy the files of the folder `made` into `out`, model.json last. Raises BundleError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for file in sorted(made.iterdir(), key=lambda path: path.name == MODEL):
            shutil.copy(file, out / file.name)
    except OSError as error:
        raise BundleError(
            f"{out}: expected a folder to write to, got: {error.strerror}; "
            "free the disk or choose another --out"
        ) from error
