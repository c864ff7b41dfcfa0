"""Draws of few frames: disjoint, repeatable, and told as gains in points."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from perception.labels.truth import Truth
from perception.types import Frame
from tools.adapt_draws import COUNT, Dimmed, Domain, kept, summary


@dataclass(frozen=True)
class Bright:
    """A grey picture."""

    image: Path = Path("grey.png")

    def read(self, seq):
        return Frame(np.full((20, 30, 3), 200, np.uint8), 0, seq), Truth("grey")


def test_a_draw_learns_from_some_frames_and_judges_by_the_others():
    domain = Domain(range(32))
    learnt, judged = domain.draw(0)
    assert (len(learnt), sorted(learnt + judged)) == (COUNT, list(range(32)))
    assert domain.draw(0) == (learnt, judged) != domain.draw(1)


def test_pictures_that_judge_may_be_others():
    assert Domain(range(32), "ab").draw(0)[1] == ["a", "b"]


def test_another_camera_is_darker_and_the_same_each_time():
    one, again = (Dimmed(Bright()).read(0)[0].image for _ in range(2))
    assert (one == again).all()
    assert one.std() > 1
    assert (one.mean((0, 1)) < 180).all()
    assert one[..., 0].mean() < one[..., 2].mean(), "its colours are others"


def test_a_gain_is_the_median_with_the_least_and_the_most():
    rows = {
        str(k): {"before": {"a": 0.5}, "whole": {"a": 0.5 + k / 10}, "shipped": {"a": 0.5}} for k in range(3)
    }
    found = summary(rows)
    assert found["whole"]["a"] == pytest.approx([10, 0, 20])
    assert found["shipped"]["a"] == [0, 0, 0]


def test_main_metrics_and_classes_are_kept():
    metrics = {
        "detection.acdc.ap50": 0.3,
        "detection.acdc.person.ap50": 0.1,
        "detection.acdc.person.f1": 0.2,
        "detection.acdc.night.person.ap50": 0.0,
    }
    assert kept(metrics) == {"detection": 0.3, "detection.acdc.person.ap50": 0.1}
