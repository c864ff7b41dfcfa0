"""What is laid into a frame is known: its box, what it hides, and what is no longer road."""

from __future__ import annotations

import numpy as np
import pytest

from perception.tasks.batch import ANY_SIGN, CERTAIN, UNKNOWN
from perception.tasks.detection import CLASSES
from perception.training.data.cutouts import Cutout
from perception.training.data.sample import Boxes, Sample
from perception.training.paste import cover_with_bonnet, paste_things

SIZE = (160, 120)
RED = Cutout(
    np.full((40, 20, 3), (0, 0, 250), np.uint8), np.full((40, 20), 255, np.uint8), "person", 0.8, 0.3
)
SEEDS = range(12)


def road(boxes=None, small=1):
    """A grey picture, all of it drivable and half of it a line; maps `small` times smaller."""
    width, height = SIZE
    full = np.full((height // small, width // small), CERTAIN, np.uint8)
    return Sample(
        np.full((height, width, 3), 90, np.uint8), boxes or Boxes(), None, full, full.copy(), full.copy()
    )


def things(seed, **options):
    return paste_things(road(**options), {"person": [RED]}, 1.0, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_thing_has_a_box_and_is_not_road(seed):
    sample = things(seed)
    red = sample.image[..., 2] > 150
    within = np.zeros_like(red)
    for x1, y1, x2, y2 in sample.boxes.xyxy.astype(int):
        assert red[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1].all()
        within[y1:y2, x1:x2] = True
    assert not red[~within].any()
    assert (sample.drivable[red] == 0).mean() > 0.9 or not red.any()
    assert set(np.unique(sample.line[red])) <= {UNKNOWN, CERTAIN}
    assert sample.boxes.sure.all()
    assert set(sample.boxes.label) <= {CLASSES.index("person")}


def test_things_are_pasted_at_all_and_smaller_ones_stand_higher():
    boxes = np.concatenate([things(seed).boxes.xyxy for seed in range(60)])
    height, foot = boxes[:, 3] - boxes[:, 1], boxes[:, 3]
    assert len(boxes) > 60
    assert np.corrcoef(height, foot)[0, 1] > 0.8
    assert height.min() >= 10


def test_maps_smaller_than_the_picture_are_cut_too():
    sample = things(3, small=2)
    assert sample.drivable.shape == (60, 80)
    assert (sample.drivable == 0).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_hidden_is_no_longer_sure(seed):
    everywhere = [
        ([x, y, x + 4.0, y + 4.0], "vehicle", True, ANY_SIGN) for x in range(0, 156, 4) for y in (60, 80)
    ]
    sample = things(seed, boxes=Boxes.of(everywhere))
    old, new = sample.boxes.xyxy[: len(everywhere)], sample.boxes.xyxy[len(everywhere) :]
    inside = [((old[:, None, :2] >= new[:, :2]) & (old[:, None, 2:] <= new[:, 2:])).all(2).any(1)]
    assert not sample.boxes.sure[: len(everywhere)][inside[0]].any()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_own_vehicle_is_no_road_and_has_no_lines(seed):
    before = road()
    sample = cover_with_bonnet(before, np.random.default_rng(seed))
    covered = sample.drivable == 0
    assert 0.0 < covered.mean() < 0.6
    assert ((sample.line == 0) == covered).all()
    assert (sample.image[covered] != 90).any(1).mean() > 0.9
    assert (before.drivable == CERTAIN).all()
    assert (before.image == 90).all()


def test_what_the_own_vehicle_hides_is_gone_or_unsure():
    rows = [([x, 0.0, x + 4, 120], "vehicle", True, ANY_SIGN) for x in range(0, 156, 4)]
    specks = [([x, 114.0, x + 4, 120], "person", True, ANY_SIGN) for x in range(0, 156, 4)]
    sample = cover_with_bonnet(road(Boxes.of(rows + specks)), np.random.default_rng(2))
    covered = sample.drivable == 0
    for x1, y1, x2, y2 in sample.boxes.xyxy[sample.boxes.sure].astype(int):
        assert covered[y1:y2, x1:x2].mean() < 0.5
    assert (sample.boxes.label == 0).sum() == len(rows)
    assert (sample.boxes.label == 1).sum() < len(specks)


def test_what_is_unknown_stays_so():
    sample = cover_with_bonnet(Sample(road().image), np.random.default_rng(0))
    assert sample.boxes is None
    for truth in (sample.drivable, sample.line, sample.paint, sample.edge):
        assert set(np.unique(truth)) == {0, UNKNOWN}  # below the edge of the own vehicle nothing is
