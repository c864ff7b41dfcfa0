"""Attacks stay within their reach, drive their goal up, and are counted."""

import numpy as np
import pytest
import torch

from perception.attack.attacker import Attack, _added
from perception.attack.goals import error, sureness
from perception.attack.measure import Pair, Seen, summary
from perception.attack.pgd import pgd

IMAGE = torch.full((1, 3, 4, 6), 100.0)


def test_no_value_moves_further_than_it_may():
    reach = torch.zeros(1, 1, 4, 6)
    reach[..., 2:] = 4
    change = pgd(lambda x: x.sum(), IMAGE, reach, 10, 0) - IMAGE
    torch.testing.assert_close(change, reach.expand(1, 3, 4, 6))


def test_where_nothing_is_better_the_picture_stays():
    found = pgd(lambda x: -(x - IMAGE).abs().sum(), IMAGE, torch.full((1, 1, 4, 6), 8.0), 5, 0)
    torch.testing.assert_close(found, IMAGE)


def test_values_stay_grey_levels():
    bright = torch.full((1, 3, 4, 6), 254.0)
    assert float(pgd(lambda x: x.sum(), bright, torch.full((1, 1, 4, 6), 8.0), 5, 0).max()) == 255


def test_losing_what_was_there_and_inventing_what_was_not_are_errors():
    clean = torch.tensor([3.0, -3.0, -3.0])
    assert error(-clean, clean) > error(torch.tensor([-3.0, -3.0, -3.0]), clean) > error(clean, clean)
    assert error(torch.tensor([3.0, 3.0, -3.0]), clean) > error(clean, clean)


def test_what_is_far_from_the_threshold_looks_sure():
    assert float(sureness(torch.tensor([9.0, 9.0, -9.0]))) == pytest.approx(1, abs=1e-3)
    assert sureness(torch.tensor([0.2, -0.2, -9.0])) < 0.6
    assert float(sureness(torch.tensor([-9.0, -9.0]))) == 0


def test_a_change_of_network_pixels_covers_those_of_the_image():
    change = np.zeros((2, 3, 3), np.int16)
    change[1, 2] = 8
    image = _added(np.full((4, 6, 3), 250, np.uint8), change)
    assert (image[2:, 4:] == 255).all()
    assert (image[:2] == 250).all()


def test_an_attack_succeeds_if_half_is_lost_and_is_undetected_if_the_task_stays_sure():
    clean = Seen(0.8, 0.9)
    pairs = [Pair(clean, Seen(score, sure)) for score, sure in ((0.3, 0.95), (0.3, 0.2), (0.5, 0.95))]
    (row,) = summary({Attack("lanes", 4, True): pairs, Attack("lanes", 8, True): []})
    assert row["success"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert row["undetected"]["value"] == pytest.approx(1 / 3, abs=1e-4)
