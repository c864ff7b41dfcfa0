"""Pictures of every kind end as (H, W, 3) uint8 BGR."""

import numpy as np
import pytest

from perception.errors import FrameError
from perception.sources.convert import to_bgr


@pytest.fixture
def bgr():
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


def test_the_right_form_is_not_copied(bgr):
    assert to_bgr(bgr) is bgr


@pytest.mark.parametrize("view", [np.s_[:, ::-1], np.s_[::2], np.s_[:, :, ::-1]])
def test_a_view_becomes_contiguous(bgr, view):
    got = to_bgr(bgr[view])
    np.testing.assert_array_equal(got, bgr[view])
    assert got.flags.c_contiguous


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1)])
def test_grey_fills_three_channels(bgr, shape):
    grey = bgr[:, :, 0].reshape(shape)
    np.testing.assert_array_equal(to_bgr(grey), np.repeat(bgr[:, :, :1], 3, axis=2))


def test_alpha_is_dropped_and_the_colour_stays(bgr):
    alpha = np.zeros((5, 7, 1), np.uint8)
    np.testing.assert_array_equal(to_bgr(np.concatenate([bgr, alpha], axis=2)), bgr)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_scaled_by_their_range(bgr, channels):
    image = np.dstack([bgr, bgr])[:, :, :channels]
    image[0, 0] = 255
    expected = to_bgr(image)
    np.testing.assert_array_equal(to_bgr(image.astype(np.uint16) * 257), expected)


def test_twelve_bits_in_sixteen_are_not_black(bgr):
    got = to_bgr(bgr.astype(np.uint16) << 4)
    np.testing.assert_allclose(got.astype(int), bgr, atol=1)


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 1), (7, 5, 4), (1, 99, 1)])
def test_odd_sizes_are_fine(shape):
    assert to_bgr(np.ones(shape, np.uint8)).shape == (*shape[:2], 3)


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 7), (5, 0, 1)])
def test_an_empty_image_is_refused(shape):
    with pytest.raises(FrameError, match="expected an image with at least one pixel, got uint8"):
        to_bgr(np.empty(shape, np.uint8))


@pytest.mark.parametrize("dtype", [np.float32, np.int32, bool])
def test_pixels_without_a_known_white_are_refused(dtype):
    with pytest.raises(FrameError, match=r"expected uint8 or uint16 pixels, got .* \(5, 7, 3\)"):
        to_bgr(np.ones((5, 7, 3), dtype))


@pytest.mark.parametrize("shape", [(), (5,), (5, 7, 2), (1, 5, 7, 3)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(FrameError, match=r"expected an image \(H, W\)"):
        to_bgr(np.ones(shape, np.uint8))
