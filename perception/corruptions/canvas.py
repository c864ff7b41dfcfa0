"""What corruptions of several families are made of: lengths, rounding, fields of random shapes."""

from __future__ import annotations

import cv2
import numpy as np

Rng = np.random.Generator
WIDTH, HEIGHT = 640, 384  # a picture of this size has lengths as they are written
OCTAVES = 8  # of a cloud: its finest ones are 1/256 of the picture


def scale(image: np.ndarray) -> float:
    """Pixels of the picture per pixel of a length; smaller pictures are not measured finer."""
    return max(1.0, image.shape[1] / WIDTH, image.shape[0] / HEIGHT)


def rounded(image: np.ndarray) -> np.ndarray:
    """Float 0..255 to uint8."""
    return np.asarray(np.clip(np.rint(image), 0, 255).astype(np.uint8))


def unit(image: np.ndarray) -> np.ndarray:
    """uint8 to float32 0..1."""
    return image.astype(np.float32) / np.float32(255)


def clouds(image: np.ndarray, rng: Rng, decay: float) -> np.ndarray:
    """(h, w) float32 from 0 to 1: fractal noise, each octave twice as fine and `decay` times as weak.

    The octaves come from the same numbers whatever the decay.
    """
    size = image.shape[1::-1]
    total = np.zeros(size[::-1], np.float32)
    for octave in range(1, OCTAVES + 1):
        grid = rng.random((2**octave + 1, 2**octave + 1), np.float32)
        total += np.float32(decay**-octave) * cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def smooth(image: np.ndarray, rng: Rng, length: float) -> np.ndarray:
    """(h, w) float32 ranks from 0 to 1 of smooth noise: where it is below q lies a share q of the picture.

    `length`: of its blobs, in pixels of a picture 640 wide.
    """
    size = image.shape[1::-1]
    cells = [max(2, round(side / (length * scale(image)))) for side in size]
    field = cv2.resize(rng.random(cells[::-1], np.float32), size, interpolation=cv2.INTER_CUBIC)
    order = np.sort(field.ravel()[:: max(1, field.size // 10_000)])
    return np.asarray(np.searchsorted(order, field).astype(np.float32) / len(order))


def line(length: float, angle: float) -> np.ndarray:
    """(n, n) float32 kernel of sum 1: a straight line of `length` pixels through the middle, at an angle."""
    side = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((side, side), np.float32)
    reach = length / 2 * np.array([np.cos(angle), np.sin(angle)])
    begin, end = (np.round(16 * (side // 2 + sign * reach)).astype(int).tolist() for sign in (-1, 1))
    cv2.line(kernel, begin, end, 1.0, 1, cv2.LINE_AA, 4)
    return kernel / kernel.sum()
