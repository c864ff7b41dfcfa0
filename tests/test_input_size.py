"""The choice of an input size: for every camera and cost, of all sizes the one that wastes least."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest

from perception.errors import PerceptionError
from perception.input_size import STRIDE, TOLERANCE, InputSize, fitting
from perception.letterbox import Letterbox

REFERENCE = (640, 384)
COST = prod(REFERENCE)
CAMERAS = [(1280, 720), (1242, 375), (640, 480), (720, 1280), (1000, 1000), (2048, 1024), (3840, 1080)]
FACTORS = [0.5, 0.75, 1.0, 1.5, 2.0, 3.0]
both = pytest.mark.parametrize(("camera", "factor"), list(product(CAMERAS, FACTORS)))


@both
def test_a_size_is_of_whole_strides_and_costs_what_was_asked(camera, factor):
    size = fitting(camera, factor * COST)
    assert [side % STRIDE for side in size] == [0, 0]
    assert abs(prod(size) / (factor * COST) - 1) <= TOLERANCE


@both
def test_no_size_of_the_same_cost_has_fewer_bars(camera, factor):
    chosen = fitting(camera, factor * COST)
    others = product(range(STRIDE, 4096, STRIDE), repeat=2)
    same = [size for size in others if prod(size) == prod(chosen)]
    assert chosen in same
    assert bars(camera, chosen) == min(bars(camera, size) for size in same)


def bars(camera, size) -> float:
    return prod(size) - prod(Letterbox.fit(camera, size).inner)


@pytest.mark.parametrize(
    "camera", [(1280, 720), (1920, 1080), (3840, 2160), (640, 360), (1366, 768), (854, 480)]
)
def test_a_wide_screen_camera_is_seen_at_the_reference_size(camera):
    assert InputSize.parse("auto").sizes(REFERENCE)(camera) == REFERENCE


@pytest.mark.parametrize("reference", [(640, 384), (512, 288), (64, 64), (96, 64), (960, 256)])
def test_an_image_of_the_reference_size_is_seen_as_it_is(reference):
    assert InputSize.parse("auto").sizes(reference)(reference) == reference


@pytest.mark.parametrize("image", [(1, 1), (1, 10_000), (10_000, 1), (3, 2)])
def test_any_image_has_a_size(image):
    for cost in (1, STRIDE**2, COST, 16 * COST):
        assert min(fitting(image, cost)) >= STRIDE


@pytest.mark.parametrize("image", [(3840, 400), (400, 3840), (1, 10_000), (1280, 720)])
def test_a_size_that_is_chosen_may_be_asked_for(image):
    for cost in (8 * COST, 16 * COST, 100 * COST):
        size = fitting(image, cost)
        assert InputSize.parse(size).fixed == size
    assert prod(fitting((3840, 400), 8 * COST)) == pytest.approx(8 * COST, rel=TOLERANCE)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("960x576", (960, 576)),
        ((320, 192), (320, 192)),
        ([320, 192], (320, 192)),
        ("2x", (960, 512)),
        (".5x", (480, 256)),
    ],
)
def test_what_may_be_asked_for(text, size):
    assert InputSize.parse(text).sizes(REFERENCE)((1280, 720)) == size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("100x200", "multiples of 32 from 32 to 4096, got 100x200; the nearest is 96x192"),
        ("0x384", "the nearest is 32x384"),
        ("640x38400", "the nearest is 640x4096"),
        ("0x", "expected an input size of 0.1x to 16x, got 0x"),
        ("99x", "got 99x"),
        ("large", "expected an input size as auto, WIDTHxHEIGHT or a factor such as 2x, got 'large'"),
        ("-2x", "got '-2x'"),
        ("nanx", "got 'nanx'"),
        ("", "got ''"),
        (640, r"WIDTHxHEIGHT or a factor such as 2x, or \(width, height\), got 640"),
        (None, "got None"),
        ((640,), r"got \(640,\)"),
        ((640, 384, 3), r"got \(640, 384, 3\)"),
        ((640.0, 384.0), r"got \(640.0, 384.0\)"),
    ],
)
def test_what_may_not(text, message):
    with pytest.raises(PerceptionError, match=message):
        InputSize.parse(text)
