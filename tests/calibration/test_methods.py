"""Clips: within what was seen, and the best by the measure each method stands for."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.int8.methods import KEPT, METHODS, STEPS
from calibration.int8.observers import BINS, Histogram


def histogram(values):
    counts, edges = np.histogram(np.abs(values), BINS, (0, np.abs(values).max()))
    return Histogram(counts, float(edges[-1]))


@pytest.fixture
def tailed():
    """Half normal, and one value far outside."""
    return np.append(np.abs(np.random.default_rng(0).normal(size=200_000)), 40.0)


def squared_error(values, clip):
    return np.mean((values - np.minimum(np.round(values * STEPS / clip), STEPS) * clip / STEPS) ** 2)


@pytest.mark.parametrize("method", METHODS)
def test_a_clip_lies_within_what_was_seen(method, tailed):
    assert 1.5 < METHODS[method](histogram(tailed)) <= 40


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e-3, 50.0])
def test_a_clip_grows_with_the_values(method, scale, tailed):
    clip = METHODS[method](histogram(tailed))
    assert METHODS[method](histogram(scale * tailed)) == pytest.approx(scale * clip, rel=0.02)


def test_percentile_leaves_out_the_share_it_says(tailed):
    seen = histogram(tailed)
    often = np.where(seen.counts > 0, 10 * seen.counts, 0)
    often[-1] = 1  # two million values, and the one far outside
    clip = METHODS["percentile"](Histogram(often, seen.most))
    assert often[seen.centres > clip].sum() <= (1 - KEPT) * often.sum()
    assert clip < 6


def test_mse_has_the_least_squared_error(tailed):
    clip = METHODS["mse"](histogram(tailed))
    others = [squared_error(tailed, c) for c in np.linspace(0.5, 40, 200)]
    assert squared_error(tailed, clip) < 1.05 * min(others)
    assert squared_error(tailed, clip) < 0.6 * squared_error(tailed, 40)


def test_entropy_cuts_off_what_hardly_ever_happens(tailed):
    assert METHODS["entropy"](histogram(tailed)) < 10
    flat = np.random.default_rng(0).uniform(0, 40, 200_000)
    assert METHODS["entropy"](histogram(flat)) > 35
