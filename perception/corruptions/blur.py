"""Blur of lens, glass and motion. Lengths are pixels of a picture 640 wide."""

from __future__ import annotations

import cv2
import numpy as np

from perception.corruptions.canvas import Rng, line, rounded, scale

STEPS = 12  # zooms that a zoom blur is the mean of
SOFT = 0.5  # deviation that smoothes the edge of a disk


def gaussian(image: np.ndarray, deviation: float, rng: Rng) -> np.ndarray:
    """Of a normal kernel of this standard deviation."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), deviation * scale(image)))


def defocus(image: np.ndarray, radius: float, rng: Rng) -> np.ndarray:
    """Out of focus: each point becomes a disk of this radius."""
    radius *= scale(image)
    reach = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = cv2.GaussianBlur((x**2 + y**2 <= radius**2).astype(np.float32), (0, 0), SOFT)
    return np.asarray(cv2.filter2D(image, -1, disk / disk.sum()))


def motion(image: np.ndarray, deviation: float, rng: Rng) -> np.ndarray:
    """Moved while the shutter was open, somewhat across; a box of this standard deviation along a line."""
    length = deviation * scale(image) * np.sqrt(12)
    return np.asarray(cv2.filter2D(image, -1, line(length, rng.uniform(-np.pi / 4, np.pi / 4))))


def glass(image: np.ndarray, level: tuple[float, int, int], rng: Rng) -> np.ndarray:
    """Through rippled glass: blurred, pixels shuffled, blurred. (deviation, reach, times) of the shuffle."""
    deviation, reach, times = level
    out = gaussian(image, deviation, rng)
    y, x = (axis.astype(np.float32) for axis in np.indices(image.shape[:2]))
    for _ in range(times):
        dx, dy = (rng.random(image.shape[:2], np.float32) * 2 - 1 for _ in range(2))
        far = np.float32(reach * scale(image))
        out = cv2.remap(out, x + far * dx, y + far * dy, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
    return gaussian(out, deviation, rng)


def zoom(image: np.ndarray, most: float, rng: Rng) -> np.ndarray:
    """Driven fast, seen long: the mean of zooms from 1 to `most`."""
    size = image.shape[1::-1]
    total = np.zeros(image.shape, np.float32)
    for factor in np.linspace(1, most, STEPS):
        turn = cv2.getRotationMatrix2D(((size[0] - 1) / 2, (size[1] - 1) / 2), 0, factor)
        total += cv2.warpAffine(image, turn, size, borderMode=cv2.BORDER_REFLECT_101)
    return rounded(total / STEPS)
