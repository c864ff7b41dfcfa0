"""The pictures of the campaign's cameras: a textured scene that moves, and in it the time it was taken.

The time stands as white and black cells, so that JPEG and H.264 leave it readable: whoever sees a picture
knows when it was taken, and that the camera took it. Needs only numpy and OpenCV, also an old one.
"""

from __future__ import annotations

import cv2
import numpy as np

SIZE, OTHER = (320, 192), (480, 272)  # (width, height), and what a camera changes to
CELL = 14  # pixels
ROWS, ACROSS = 4, 8  # three rows of the number, one of its check
MOST = 1 << 24
DARK, BRIGHT = 40, 215
GOOD, FROZEN, BLACK, WHITE, COVERED, BLURRED, STILL = (
    "good",
    "frozen",
    "black",
    "white",
    "covered",
    "blurred",
    "still",
)
MODES = (GOOD, FROZEN, BLACK, WHITE, COVERED, BLURRED, STILL)
HIDING = (BLACK, WHITE, COVERED, BLURRED)  # no number can be read

Image = np.ndarray  # (H, W, 3) uint8 BGR


class Scenery:
    """Makes the picture of a moment."""

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        coarse = rng.integers(60, 196, (40, 100, 3), dtype=np.uint8)
        fine = rng.normal(0, 14, (2 * OTHER[1], 2 * OTHER[0], 1))
        large = cv2.resize(coarse, (2 * OTHER[0], 2 * OTHER[1]), interpolation=cv2.INTER_NEAREST)
        self._world = np.clip(large + fine, 0, 255).astype(np.uint8)
        self._noise = [rng.integers(0, 3, (OTHER[1], OTHER[0], 1), dtype=np.uint8) for _ in range(4)]
        self._last: tuple[Image, int] | None = None

    def __call__(self, mode: str, number: int, size: tuple[int, int]) -> tuple[Image, int]:
        """The picture, and the number that stands in it."""
        if mode in (FROZEN, STILL) and self._last is not None and self._last[0].shape[1::-1] == size:
            image, number = self._last
            return (image, number) if mode == FROZEN else (self._noisy(image, number), number)
        if mode == BLACK:
            return self._noisy(np.zeros((size[1], size[0], 3), np.uint8), number), number
        if mode == WHITE:
            return np.full((size[1], size[0], 3), 255 - number % 2, np.uint8), number
        if mode == COVERED:
            return self._noisy(np.full((size[1], size[0], 3), 90, np.uint8), number), number
        image = self._view(number, size)
        if mode == BLURRED:
            return cv2.GaussianBlur(image, (0, 0), 6), number
        self._last = image, number
        return image, number

    def _view(self, number: int, size: tuple[int, int]) -> Image:
        left = number // 10 % OTHER[0]
        image = self._world[: size[1], left : left + size[0]].copy()
        write(image, number)
        return image

    def _noisy(self, image: Image, number: int) -> Image:
        height, width = image.shape[:2]
        noise = self._noise[number // 7 % len(self._noise)][:height, :width]
        return cv2.add(image, np.repeat(noise, 3, axis=2))


def write(image: Image, number: int) -> None:
    """Draw `number` (below MOST) with its check, in place."""
    for k, bit in enumerate(_bits(number)):
        y, x = divmod(k, ACROSS)
        image[y * CELL : (y + 1) * CELL, x * CELL : (x + 1) * CELL] = BRIGHT if bit else DARK


def read(image: Image) -> int | None:
    """The number in a picture; None: there is none that is whole."""
    grey = image[: ROWS * CELL, : ACROSS * CELL].mean(axis=2)
    if grey.shape != (ROWS * CELL, ACROSS * CELL):
        return None
    cells = grey.reshape(ROWS, CELL, ACROSS, CELL)[:, 4:-4, :, 4:-4].mean(axis=(1, 3)).ravel()
    if ((cells > DARK + 50) & (cells < BRIGHT - 50)).any():
        return None
    bits = [int(cell > (DARK + BRIGHT) / 2) for cell in cells]
    number = int("".join(map(str, bits[:24])), 2)
    return number if bits == _bits(number) else None


def _bits(number: int) -> list[int]:
    check = (number ^ number >> 8 ^ number >> 16 ^ 0x5A) & 0xFF
    return [int(bit) for bit in f"{number % MOST:024b}{check:08b}"]
