"""The fast kernels give what the reference gives: on random, empty and full inputs."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.jit import compiled
from perception.kernels import cpu, lines, reference, strokes
from perception.letterbox import PAD, Letterbox

seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 24)
fills = st.sampled_from([0.0, 0.02, 0.3, 1.0])  # share of cells above the threshold 0
runs = settings(max_examples=60, deadline=None)
trace = compiled(strokes.trace)
probability = compiled(strokes.probability)


def logits(rng: np.random.Generator, shape: tuple[int, ...], fill: float) -> np.ndarray:
    size = np.abs(rng.normal(2, 1, shape)) + 1e-3
    return np.where(rng.random(shape) < fill, size, -size).astype(np.float32)


@runs
@given(seeds, sides, sides, fills, st.sampled_from([0, 7, 9999]))
def test_all_candidates(seed, height, width, fill, most):
    rng = np.random.default_rng(seed)
    scores = tuple(np.round(logits(rng, (6, height, width), fill), 1) for _ in range(3))  # some are equal
    boxes = tuple(logits(rng, (4, height, width), 0.5) for _ in range(3))
    thresholds = np.array([0, 0, 0.5, -9, 0, 9], np.float32)
    others = scores, boxes, thresholds, (8, 16, 32), most
    wanted = reference.all_candidates(*others)
    for got, want in zip(cpu.all_candidates(*others), wanted, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4)


@runs
@given(seeds, st.integers(0, 60), st.floats(0, 1), st.sampled_from([0, 3, 40]), st.integers(0, 20))
def test_objects(seed, n, limit, spread, most):
    rng = np.random.default_rng(seed)
    corner, size = rng.integers(0, spread + 1, (n, 2)), rng.integers(0, 20, (n, 2))  # empty ones among them
    xyxy = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    found = xyxy, rng.normal(size=n).astype(np.float32), rng.integers(0, 3, n).astype(np.int32)
    to_image = np.array([(0, 3), (0.5, 0.6), (50, 40)], np.float64)
    wanted = reference.objects(found, limit, to_image, 1.0, most)
    for got, want in zip(cpu.objects(found, limit, to_image, 1.0, most), wanted, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-12)


@runs
@given(seeds, st.integers(12, 40), st.integers(20, 50), st.integers(1, 3), st.sampled_from([0, 3, 60]))
def test_contrast(seed, height, width, step, spread):
    image = np.random.default_rng(seed).normal(100, spread, (step * height, step * width, 3))
    shown = np.clip(image, 0, 255).astype(np.uint8)
    got, want = (k.contrast(shown, (20, 12), step) for k in (cpu, reference))
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-5)


@runs
@given(seeds, st.integers(1, 40), st.integers(1, 40))
def test_halved(seed, height, width):
    image = np.random.default_rng(seed).integers(0, 256, (2 * height, 2 * width, 3), np.uint8)
    out = np.empty((height, width, 3), np.uint8)
    cpu.halve(image, out)
    np.testing.assert_array_equal(out, reference.halved(image))


@runs
@given(seeds, sides, sides, sides, sides)
def test_shrink(seed, rows, columns, more_rows, more_columns):
    rng = np.random.default_rng(seed)
    height, width = rows + more_rows, columns + more_columns
    image = np.where(rng.random((height, width, 1)) < 0.3, 255, rng.integers(0, 256, (height, width, 3)))
    box = Letterbox.fit((width, height), (columns, rows))
    out = np.full((rows, columns, 3), PAD, np.uint8)
    cpu.shrink(image.astype(np.uint8), out, box)
    np.testing.assert_array_equal(out, reference.letterboxed(image.astype(np.uint8), box))


@runs
@given(seeds, sides, sides, fills, st.integers(1, 4), st.sampled_from([(1, 1), (48, 48), (97, 61)]))
def test_upsampled_labels(seed, height, width, fill, factor, size):
    maps = logits(np.random.default_rng(seed), (factor**2, height, width), fill)
    got, want = (k.upsampled_labels(maps, 0.0, size) for k in (cpu, reference))
    close = reference.upsampled_labels(maps, 1e-5, size) != reference.upsampled_labels(maps, -1e-5, size)
    assert ((got == want) | close).all()  # float32 against float64, next to the threshold
    assert got.shape == want.shape
    assert got.dtype == want.dtype == np.uint8


def traced(module, parts: np.ndarray, least: float) -> tuple[np.ndarray, ...]:
    """`parts` (f * f, h, w) less a row and a column."""
    f = round(len(parts) ** 0.5)
    taken = np.zeros((f * parts.shape[1] - 1, f * parts.shape[2] - 1), np.bool_)
    points, begins = np.zeros((400, 4)), np.zeros(9, np.int64)
    count = module.strokes(parts, (1, 1), taken, least, points, begins)
    return points[: begins[count]], begins[: count + 1]


@runs
@given(seeds, sides, sides, fills, st.integers(1, 2), st.floats(0, 1))
def test_strokes_in_noise(seed, height, width, fill, factor, least):
    """On noise the last bit of an exponential may turn a stroke, so both follow the same map."""
    parts = 3 * logits(np.random.default_rng(seed), (factor**2, height, width), fill)
    chances, peaks = strokes.probability(parts, (1, 1), (factor * height - 1, factor * width - 1))
    np.testing.assert_array_equal(peaks, chances.max(1, initial=0))
    for got, want in zip(probability(parts, (1, 1), chances.shape), (chances, peaks), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6)
    results = []
    for follow in (trace, strokes.trace):
        points, begins = np.zeros((400, 4)), np.zeros(9, np.int64)
        count = follow(chances, peaks, np.zeros(chances.shape, np.bool_), least, points, begins)
        results.append((points[: begins[count]], begins[: count + 1]))
    for got, want in zip(*results, strict=True):
        np.testing.assert_array_equal(got, want)


@runs
@given(seeds, sides, sides, fills, st.integers(1, 2))
def test_a_line_map_without_edges(seed, height, width, fill, factor):
    rng, shape = np.random.default_rng(seed), (factor**2, height, width)
    line, edges, paint = (2 * logits(rng, shape, fill) for _ in range(3))
    edges[rng.random(shape) < 0.3] = -np.inf  # as where only the cells above a threshold are known
    wanted = np.where(
        (edges > strokes.SOFT) & (edges + 1 > line) & (paint <= lines.PAINT), np.float32(-np.inf), line
    )
    for module in (cpu, strokes):
        got = module.without_edges(line, edges, paint, lines.PAINT)
        assert got.dtype == line.dtype
        np.testing.assert_array_equal(got, wanted)


def noisy_line(slope: float, gap: int = 0) -> np.ndarray:
    """(1, 40, 60) logits of a line through (30, 20)."""
    y, x = np.mgrid[0.5:40, 0.5:60]
    away = (y - 20 - slope * (x - 30)) / np.hypot(1, slope) / 1.5
    line = 6 * np.exp(-(away**2)) * np.random.default_rng(0).uniform(0.6, 1, x.shape) - 3
    line[:, 30 : 30 + gap] = -9
    return line[None].astype(np.float32)


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0, 5.0])
def test_strokes_of_noisy_lines(slope):
    wanted = traced(strokes, noisy_line(slope), 0.5)
    assert len(wanted[0])
    for got, want in zip(traced(cpu, noisy_line(slope), 0.5), wanted, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("gap", [0, 7])
def test_lines(slope, gap):
    points, begins = traced(strokes, noisy_line(slope, gap), 0.5)
    to_image = np.array([(1, 1), (0, 0), (4, 4), (230, 140)], np.float64)
    rest = len(begins) - 1, noisy_line(slope, gap), to_image, lines.parabolas(), 5.0, 0.5, 39.0
    wanted = lines.lines(points, begins, *rest)
    assert len(wanted[1]) == 2
    for got, want in zip(cpu.lines(points, begins, *rest), wanted, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, atol=1e-6)


@runs
@given(seeds, st.integers(1, 40), st.integers(1, 40), st.integers(0, 4))
def test_sign_crops(seed, height, width, n):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    corner, size = rng.uniform(-5, 40, (n, 2)), rng.uniform(0, 30, (n, 2))
    boxes = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    got, want = (k.sign_crops(image, boxes, 16).astype(int) for k in (cpu, reference))
    assert np.abs(got - want).max(initial=0) <= 1  # halves, in 32 bits


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 3e38])
def test_a_box_that_is_none_cuts_pixels_of_the_image(odd):
    image = np.full((3, 5, 3), 7, np.uint8)
    assert (cpu.sign_crops(image, np.array([[odd, odd, odd, 2]], np.float32), 16) == 7).all()


@runs
@given(seeds, st.sampled_from([np.nan, np.inf, -np.inf, 3e38, -3e38]), st.integers(0, 3))
def test_all_finite(seed, odd, count):
    rng = np.random.default_rng(seed)
    array = rng.normal(size=(1, 3, 5, rng.integers(1, 40))).astype(np.float32)
    array.flat[rng.integers(array.size, size=count)] = odd
    assert cpu.all_finite(array) == reference.all_finite(array) == (count == 0 or abs(odd) < np.inf)


def test_a_kernel_that_cannot_be_kept_on_disk_works_all_the_same():
    space: dict[str, Any] = {"__name__": "here"}
    exec("def double(x): return 2 * x", space)  # no source file, so numba has no place for its cache
    assert compiled(space["double"])(3) == 6
