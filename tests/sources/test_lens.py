"""What pictures tell of the camera that took them: a rendered road, and what may become of it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from perception.sources.lens import Lens
from perception.sources.synthetic import SyntheticSource

ROAD = next(iter(SyntheticSource(7, 1))).image
SHAPE = ROAD.shape
PERIOD_S = 0.033


def noisy(image: np.ndarray, number: int) -> np.ndarray:
    noise = np.random.default_rng(number).normal(0, 2, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def found(pictures: Callable[[int], np.ndarray], frames: int, still_s: float = 99.0) -> set[str]:
    """What is said of the last of so many frames."""
    lens, faults = Lens(still_s), {}
    for k in range(frames):
        faults = lens(pictures(k), k * PERIOD_S)
    return set(faults)


@pytest.mark.parametrize(
    ("picture", "name"),
    [
        (np.full(SHAPE, 4, np.uint8), "black"),
        (np.full(SHAPE, 255, np.uint8), "overexposed"),
        (np.full(SHAPE, 90, np.uint8), "covered"),
    ],
)
def test_a_lens_that_shows_nothing_is_told_within_300_ms(picture, name):
    assert found(lambda k: noisy(picture, k), 9) == {name}


def test_a_blurred_lens_is_told():
    soft = cv2.GaussianBlur(ROAD, (0, 0), ROAD.shape[1] / 100)
    assert found(lambda k: np.roll(soft, k, 1), 40) == {"blurred"}


def test_a_road_is_in_order():
    assert found(lambda k: noisy(ROAD, k), 40) == set()


def test_the_same_bytes_are_frozen_within_300_ms_until_they_change():
    assert found(lambda k: ROAD, 9) == {"frozen"}
    assert found(lambda k: ROAD if k < 9 else noisy(ROAD, 1), 10) == set()


def test_nothing_moves_but_the_noise():
    assert found(lambda k: noisy(ROAD, k), 40, still_s=1.0) == {"still"}
    assert found(lambda k: np.roll(ROAD, 4 * k, 1), 40, still_s=1.0) == set()


def test_a_change_of_size_is_no_fault():
    assert found(lambda k: noisy(ROAD if k % 2 else ROAD[::2, ::2], k), 20) == set()
