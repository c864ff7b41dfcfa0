"""The fast kernels give what the reference gives: on random, empty and full inputs."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.kernels import cpu, reference

seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 24)
fills = st.sampled_from([0.0, 0.02, 0.3, 1.0])  # share of cells above the threshold 0
runs = settings(max_examples=60, deadline=None)


def logits(rng: np.random.Generator, shape: tuple[int, ...], fill: float) -> np.ndarray:
    size = np.abs(rng.normal(2, 1, shape)) + 1e-3
    return np.where(rng.random(shape) < fill, size, -size).astype(np.float32)


def traced(module, p: np.ndarray, least: float) -> tuple[np.ndarray, ...]:
    taken, points, begins = np.zeros(p.shape, np.bool_), np.zeros((200, 4)), np.zeros(9, np.int64)
    count = module.trace(p, np.flatnonzero(p > least), taken, least, points, begins)
    return taken, points, begins, np.array(count)


@runs
@given(seeds, sides, sides, fills, st.sampled_from([8, 16, 32]))
def test_candidates(seed, height, width, fill, stride):
    rng = np.random.default_rng(seed)
    scores, boxes = logits(rng, (6, height, width), fill), logits(rng, (4, height, width), 0.5)
    thresholds = np.array([0, 0, 0.5, -9, 0, 9], np.float32)
    wanted = reference.candidates(scores, boxes, thresholds, stride)
    for got, want in zip(cpu.candidates(scores, boxes, thresholds, stride), wanted, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@runs
@given(seeds, st.integers(0, 60), st.floats(0, 1), st.sampled_from([0, 3, 40]))
def test_nms(seed, n, limit, spread):
    rng = np.random.default_rng(seed)
    corner, size = rng.integers(0, spread + 1, (n, 2)), rng.integers(0, 20, (n, 2))  # empty ones among them
    xyxy = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    class_id = rng.integers(0, 3, n).astype(np.int32)
    np.testing.assert_array_equal(cpu.nms(xyxy, class_id, limit), reference.nms(xyxy, class_id, limit))


@runs
@given(seeds, sides, sides, fills, st.integers(1, 3))
def test_maps(seed, height, width, fill, factor):
    maps = logits(np.random.default_rng(seed), (factor**2, height, width), fill)
    np.testing.assert_array_equal(cpu.pixel_shuffle(maps), reference.pixel_shuffle(maps))
    got, want = (k.probability_above(maps, 0.1) for k in (cpu, reference))
    np.testing.assert_array_equal(got, want)


@runs
@given(seeds, sides, sides, fills, st.sampled_from([(1, 1), (30, 20), (48, 48), (97, 61)]))
def test_upsampled_labels(seed, height, width, fill, size):
    maps = logits(np.random.default_rng(seed), (4, height, width), fill)
    got, want = (k.upsampled_labels(maps, 0.0, size) for k in (cpu, reference))
    close = reference.upsampled_labels(maps, 1e-5, size) != reference.upsampled_labels(maps, -1e-5, size)
    assert ((got == want) | close).all()  # float32 against float64, next to the threshold
    assert got.shape == want.shape
    assert got.dtype == want.dtype == np.uint8


@runs
@given(seeds, sides, sides, fills, st.floats(0, 1))
def test_trace(seed, height, width, fill, least):
    rng = np.random.default_rng(seed)
    p = rng.random((height, width)) * (rng.random((height, width)) < fill)
    for got, want in zip(traced(cpu, p, least), traced(reference, p, least), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0, 5.0])
def test_trace_of_noisy_strokes(slope):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0.5:40, 0.5:60]
    p = np.exp(-(((y - 20 - slope * (x - 30)) / np.hypot(1, slope) / 1.5) ** 2)) * rng.uniform(
        0.6, 1, x.shape
    )
    p[p < 0.3] = 0
    for got, want in zip(traced(cpu, p, 0.5), traced(reference, p, 0.5), strict=True):
        np.testing.assert_array_equal(got, want)


@runs
@given(seeds, st.integers(1, 40), st.integers(1, 40), st.integers(0, 4))
def test_sign_crops(seed, height, width, n):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    corner, size = rng.uniform(-5, 40, (n, 2)), rng.uniform(0, 30, (n, 2))
    boxes = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    got, want = (k.sign_crops(image, boxes, 16).astype(int) for k in (cpu, reference))
    assert np.abs(got - want).max(initial=0) <= 2  # OpenCV's weights are fixed-point


def test_a_kernel_that_cannot_be_kept_on_disk_works_all_the_same():
    space: dict[str, Any] = {}
    exec("def double(x): return 2 * x", space)  # no source file, so numba has no place for its cache
    assert cpu.compiled(space["double"])(3) == 6
