"""Flicker without truth: gaps, identities, jitter of lines, cells that flip."""

import numpy as np
import pytest

from perception.evaluation.tracking.flicker import Flicker
from perception.types import ClassMap, Detections, LaneLine, Scene

SIZE = (640, 360)
STEP = 40_000_000


def result(boxes, frames=20, tracks=None, lanes=None, maps=None, stamp=lambda k: k * STEP):
    own = Flicker()
    for k in range(frames):
        xyxy = np.float32(boxes(k)).reshape(-1, 4)
        n = len(xyxy)
        number = None if tracks is None else np.array(tracks(k), np.int64)
        found = Detections(xyxy, np.ones(n, np.float32), np.zeros(n, np.int32), number)
        drivable = None if maps is None else ClassMap(maps(k), SIZE)
        own.add(Scene(k, stamp(k), SIZE, found, lanes=None if lanes is None else lanes(k), drivable=drivable))
    return own.result()


def moving(k):
    return [(100 + 3 * k, 100, 160 + 3 * k, 140)]


def with_gap(k):
    return [] if k in (8, 9) else moving(k)


def test_a_short_gap_flickers_and_a_long_one_is_another_object():
    assert result(moving)["gaps"] == 0
    assert result(with_gap)["gaps"] == 1
    assert result(lambda k: [] if 6 <= k < 13 else moving(k))["gaps"] == 0


def test_identities_are_tracks_or_else_runs_without_a_gap():
    minutes = 17 * 0.04 / 60  # the first frame lasts no time
    assert result(with_gap)["ids_per_minute"] == pytest.approx(2 / minutes)
    one = result(with_gap, tracks=lambda k: [4] * len(with_gap(k)))
    assert one["ids_per_minute"] == pytest.approx(1 / minutes)


def test_a_cut_is_no_gap():
    jump = result(with_gap, stamp=lambda k: k * STEP + (k > 8) * 5_000_000_000)
    assert jump["gaps"] == 0


def line(x):
    rows = np.linspace(359, 200, 10)
    return (LaneLine(np.stack([np.full(10, x), rows], 1).astype(np.float32), None, 0.9, 1),)


def test_jitter_is_what_is_no_steady_motion():
    assert result(moving, lanes=lambda k: line(100 + 2.0 * k))["jitter_px"] == pytest.approx(0, abs=1e-4)
    assert result(moving, lanes=lambda k: line(100 + k % 2))["jitter_px"] == pytest.approx(2)


def test_flips_go_and_come_back():
    def map_of(here):
        labels = np.zeros((4, 5), np.uint8)
        labels[0, 0] = here
        return labels

    assert result(moving, maps=lambda k: map_of(k % 2))["flips"] == pytest.approx(1 / 20)
    assert result(moving, maps=lambda k: map_of(k > 9))["flips"] == 0
