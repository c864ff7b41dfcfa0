"""What the kernels mean, on cases small enough to work out by hand."""

import numpy as np

from perception.kernels import reference, strokes


def test_a_cell_becomes_a_box_around_its_centre():
    scores, boxes = np.full((2, 3, 4), -9, np.float32), np.zeros((4, 3, 4), np.float32)
    scores[1, 2, 3] = 0.5
    boxes[:, 2, 3] = np.log([1, 2, 3, 4])
    xyxy, logit, class_id = reference.candidates(scores, boxes, np.zeros(2, np.float32), 8)
    np.testing.assert_allclose(xyxy, [[28 - 8, 20 - 16, 28 + 24, 20 + 32]], rtol=1e-6)
    assert (logit.tolist(), class_id.tolist()) == ([0.5], [1])


def test_suppression_is_within_a_class_and_above_the_limit():
    xyxy = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 5], [0, 0, 10, 10]], np.float32)
    class_id = np.array([0, 0, 0, 1])
    assert reference.nms(xyxy, class_id, 0.6, 9).tolist() == [0, 0, 2, 3]  # overlaps 0.9, 0.5; another class
    assert reference.nms(xyxy, class_id, 0.6, 1).tolist() == [0, 0, -1, -1]


def test_a_kept_box_is_the_mean_of_those_it_strikes_out_by_squared_scores():
    xyxy = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [50, 0, 60, 10]], np.float32)
    found = xyxy, np.array([reference.logit(p) for p in (0.8, 0.4, 0.3)]), np.zeros(3, np.int32)
    boxes, score, _ = reference.objects(found, 0.5, np.array([(0, 0), (1, 1), (99, 99)]), 1.0, 9)
    shift = 2 * 0.4**2 / (0.8**2 + 0.4**2)
    np.testing.assert_allclose(boxes, [[shift, 0, 10 + shift, 10], [50, 0, 60, 10]], rtol=1e-6)
    np.testing.assert_allclose(score, [0.8, 0.3])


def test_pixel_shuffle_is_torchs_order():
    parts = np.arange(8, dtype=np.float32).reshape(4, 1, 2)
    np.testing.assert_array_equal(reference.pixel_shuffle(parts), [[0, 2, 1, 3], [4, 6, 5, 7]])


def test_a_crop_is_the_square_around_the_box_a_fifth_larger():
    image = np.zeros((100, 100, 3), np.uint8)
    image[40:60, 45:55] = 255  # box 10 wide, 20 high: a square of 24 around (50, 50)
    crop = reference.sign_crops(image, np.array([[45, 40, 55, 60]]), 24)[0, ..., 0] > 127
    assert np.argwhere(crop).min(0).tolist() == [2, 7]
    assert np.argwhere(crop).max(0).tolist() == [21, 16]


def test_a_crop_at_the_edge_repeats_edge_pixels():
    image = np.full((20, 20, 3), 200, np.uint8)
    assert (reference.sign_crops(image, np.array([[-8, -8, 4, 4]])) == 200).all()


def test_half_an_image_is_the_mean_of_each_four_pixels():
    image = np.zeros((2, 4, 3), np.uint8)
    image[:, :2, 0] = [[1, 2], [3, 4]]  # mean 2.5
    assert reference.halved(image).tolist() == [[[3, 0, 0], [0, 0, 0]]]


def test_objects_are_clipped_and_slivers_left_out():
    xyxy = np.array([[-5, 0, 10, 10], [30, 0, 40, 10], [0, 12, 10, 20]], np.float32)  # image pixels are half
    found = xyxy, np.array([2, 1, 0], np.float32), np.zeros(3, np.int32)
    to_image = np.array([(0, 0), (0.5, 0.5), (60.5, 100)])
    boxes, score, _ = reference.objects(found, 0.6, to_image, 1.0, 9)
    np.testing.assert_allclose(boxes, [[0, 0, 20, 20], [0, 24, 20, 40]])
    np.testing.assert_allclose(score, [1 / (1 + np.exp(-2)), 0.5])


def test_labels_meet_the_threshold_between_cells():
    maps = np.array([-1, 3, -1, 3], np.float32).reshape(4, 1, 1)  # columns at 0.5 and 1.5; 0 at 0.75
    assert reference.upsampled_labels(maps, 0.0, (16, 1)).sum() == 10  # centres right of 6/16


def test_direction_of_a_stroke():
    p = np.zeros((21, 21))
    for k in range(21):
        p[k, max(k - 1, 0) : k + 2] = 1
    dx, dy, ratio = strokes.direction(p, 10, 10)
    np.testing.assert_allclose(abs(dx), abs(dy), rtol=1e-6)
    assert dx * dy > 0
    assert ratio < 0.1


def test_a_single_cell_has_no_direction():
    p = np.zeros((5, 5))
    p[2, 2] = 1
    assert strokes.direction(p, 2, 2)[2] == 1
