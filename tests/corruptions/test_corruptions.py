"""What holds for every corruption."""

import numpy as np
import pytest

from perception.corruptions import CORRUPTIONS, GROUPS, SEVERITIES, chosen, corrupted
from perception.corruptions.canvas import line, scale, smooth
from perception.errors import PerceptionError


@pytest.fixture(scope="module")
def road():
    """Sky, road, markings and a textured verge, 160 x 97."""
    rng = np.random.default_rng(3)
    image = rng.integers(60, 110, (97, 160, 3), np.uint8)
    image[:40] = (200, 170, 150)
    image[60:, 40:120] = 100 + rng.integers(0, 9, (37, 80, 1), np.uint8)
    image[70:, 78:82] = 230
    return image


def distance(a, b):
    return float(np.abs(a.astype(int) - b).mean())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_picture_gets_worse_with_the_severity(road, name):
    before = road.copy()
    far = [distance(corrupted(road, name, severity, 5), road) for severity in SEVERITIES]
    assert far[0] > 0.3
    assert (np.diff(far) > 0).all()
    assert (road == before).all()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_seed_decides_all_that_is_random(road, name):
    once, again, other = (corrupted(road, name, 3, (seed, 2)) for seed in (1, 1, 7))
    assert (once == again).all()
    fixed = {"defocus_blur", "zoom_blur", "gaussian_blur", "pixelate", "jpeg"}
    fixed |= {"brightness", "contrast", "saturate", "underexposed", "overexposed"}
    assert (once == other).all() == (name in fixed)


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (3, 5), (1, 640), (641, 1), (37, 53), (401, 719)])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_size_of_picture_keeps_its_size(name, size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    for severity in (1, 5):
        out = corrupted(image, name, severity)
        assert (out.shape, out.dtype) == (image.shape, np.uint8)


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_black_and_white_pictures_can_be_corrupted(name, level):
    out = corrupted(np.full((24, 40, 3), level, np.uint8), name, 5)
    assert (out.shape, out.dtype) == ((24, 40, 3), np.uint8)


def test_the_benchmark_has_fifteen_kinds_and_four_more():
    counts = [sum(kind.group == group for kind in CORRUPTIONS.values()) for group in GROUPS]
    assert counts == [15, 4, 7]
    assert len(chosen("all")) == sum(counts)


def test_kinds_are_chosen_by_name_and_group_in_the_order_of_the_table():
    assert chosen("jpeg, Fog") == ("fog", "jpeg")
    assert chosen("extra,dirt") == ("speckle_noise", "gaussian_blur", "spatter", "saturate", "dirt")


@pytest.mark.parametrize("text", ["", "fogg", "fog,,smoke"])
def test_an_unknown_kind_is_refused_with_those_there_are(text):
    with pytest.raises(PerceptionError, match="Choose from gaussian_noise, shot_noise"):
        chosen(text)


def test_a_severity_beyond_five_is_a_fault_of_the_caller(road):
    with pytest.raises(ValueError, match="got 6"):
        corrupted(road, "fog", 6)


def test_lengths_grow_with_the_picture(road):
    assert scale(np.zeros((768, 1280, 3))) == 2
    assert scale(road) == 1
    assert len(line(20, 0.0)) == 21


def test_noise_ranks_cover_the_share_that_is_asked_for():
    field = smooth(np.zeros((200, 300, 3), np.uint8), np.random.default_rng(1), 9.0)
    assert abs((field < 0.3).mean() - 0.3) < 0.02


def test_what_hides_a_picture_hides_the_share_of_its_severity():
    white = np.full((300, 480, 3), 255, np.uint8)
    lost = [(corrupted(white, "dropped_lines", severity) == 0).mean() for severity in (1, 5)]
    assert lost == pytest.approx([0.02, 0.3], abs=0.02)
    dirty = (corrupted(white, "dirt", 5) < 140).any(2).mean()
    assert dirty == pytest.approx(0.36, abs=0.08)
