"""Which browser of this machine shows pages without a screen."""

from __future__ import annotations

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no Chromium: apt-get install chromium"


def chromium() -> str | None:
    """Its path. None: there is none (MISSING)."""
    return next(filter(None, map(shutil.which, NAMES)), None)
