"""Frames in which there is nothing to see: blank ones, noise, and a covered lens. Made of their seeds."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from perception.labels.truth import Truth
from perception.types import Frame, Size

SET = "blank"
SIZE: Size = (640, 360)
FLAT = {"black": (0,), "white": (255,), "grey": (64, 128, 192)}  # kind -> its levels
SEEDS = 3  # frames of each kind that is drawn at random
BLUR = 60.0  # deviation of a covered lens, pixels
DARK = 24.0  # its brightest grey level


@dataclass(frozen=True)
class Blank:
    """One such frame."""

    kind: str
    seed: int  # of a flat one, its grey level

    def read(self, seq: int) -> tuple[Frame, Truth]:
        frame = Frame(self.image(), 0, seq, f"{SET}:{self.kind}:{self.seed}")
        return frame, Truth(SET, blank=self.kind, tags=(f"set:{SET}",))

    def image(self) -> np.ndarray:
        """(h, w, 3) uint8 BGR."""
        shape = (SIZE[1], SIZE[0], 3)
        if self.kind in FLAT:
            return np.full(shape, self.seed, np.uint8)
        rng = np.random.default_rng((self.seed, len(self.kind)))
        noise = rng.integers(0, 256, shape, np.uint8)
        return noise if self.kind == "noise" else _covered(rng)


def _covered(rng: np.random.Generator) -> np.ndarray:
    """What comes through a hand or dirt: a soft dark glow, and the noise of the sensor."""
    glow = cv2.GaussianBlur(rng.random((SIZE[1], SIZE[0], 3), np.float32), (0, 0), BLUR)
    glow -= glow.min()
    glow *= DARK / glow.max()
    return np.clip(glow + rng.normal(0, 2, glow.shape), 0, 255).round().astype(np.uint8)


def frames() -> tuple[Blank, ...]:
    """Every one."""
    flat = [Blank(kind, level) for kind, levels in FLAT.items() for level in levels]
    return (*flat, *(Blank(kind, seed) for kind in ("noise", "covered") for seed in range(SEEDS)))
