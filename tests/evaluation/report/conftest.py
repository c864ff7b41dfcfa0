"""A browser, and a drive whose pictures are told by their colour."""

import subprocess

import cv2
import numpy as np
import pytest

from perception.labels.truth import Truth
from perception.types import Frame
from tools.browser import MISSING, chromium

COLOUR = (200, 40, 220)  # BGR, in no chart


@pytest.fixture
def browser(tmp_path):
    """`browser(page, width)`: (document as Chromium built it, screenshot BGR)."""
    found = chromium()
    if found is None:
        pytest.skip(MISSING)
    return lambda page, width: visit(found, page, width, tmp_path)


def visit(chromium, page, width, folder):
    picture = folder / "screenshot.png"
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={folder}/user",
    ]
    look = [f"--window-size={width},4000", f"--screenshot={picture}", "--dump-dom", page.as_uri()]
    done = subprocess.run(
        [chromium, *options, *look], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout, cv2.imread(str(picture))


class Painted:
    """Frames of one colour."""

    def __init__(self, name, frames):
        self.name, self.frames, self.remarks, self.lost = name, frames, (), 0

    def parts(self, size):
        return [self]

    def __iter__(self):
        for seq in range(self.frames):
            image = np.full((180, 320, 3), COLOUR, np.uint8)
            yield Frame(image, 0, seq, f"{seq}.png"), Truth("town")


@pytest.fixture
def painted():
    return Painted
