"""Painting upright things: outlines against projection, near clipping, what hides what."""

import numpy as np
import pytest

from perception.synthetic import truth
from perception.synthetic.cameras import default_camera
from perception.synthetic.canvas import NEAR, Canvas, cut
from perception.synthetic.faces import COUNT, sign_face
from perception.synthetic.light import random_light
from perception.synthetic.mesh import Mesh
from perception.synthetic.vehicles import rectangle
from perception.synthetic.who import Who

CAMERA = default_camera((640, 360))


def canvas() -> Canvas:
    light = random_light(np.random.default_rng(0))
    return Canvas(np.zeros((360, 640, 3), np.uint8), CAMERA, light, 0.0)


def box(length: float = 4.0, width: float = 2.0, height: float = 1.5) -> Mesh:
    mesh = Mesh()
    plan = rectangle(-length / 2, length / 2, width / 2)
    mesh.prism(plan, 0.0, plan, height, (200, 200, 200), (255, 255, 255))
    return mesh


def test_a_box_is_painted_where_its_corners_project():
    sheet = canvas()
    outline = box().paint(sheet, np.array([15.0, 2.0]), 0.0, 2)
    corners = CAMERA.project(
        np.array([(15 + x, 2 + y, z) for x in (-2, 2) for y in (-1, 1) for z in (0, 1.5)])
    )
    rows, columns = np.nonzero(sheet.ids == 2)
    np.testing.assert_allclose([outline.min(0), outline.max(0)], [corners.min(0), corners.max(0)], atol=1e-2)
    np.testing.assert_allclose([columns.min(), rows.min()], corners.min(0), atol=1.5)
    np.testing.assert_allclose([columns.max() + 1, rows.max() + 1], corners.max(0), atol=1.5)


def test_what_is_cut_by_the_near_plane_is_still_painted():
    sheet = canvas()
    assert box(8.0).paint(sheet, np.array([3.0, 2.0]), 0.0, 2) is not None
    assert (sheet.ids == 2).sum() > 1000
    assert box().paint(sheet, np.array([-5.0, 2.0]), 0.0, 3) is None


def test_cutting_keeps_only_what_is_beyond_the_near_plane():
    square = np.array([[-1.0, 0, -1], [1, 0, -1], [1, 0, 3], [-1, 0, 3]])
    assert cut(square)[:, 2].min() == pytest.approx(NEAR)
    assert len(cut(square - (0, 0, 9))) == 0
    away = np.array([0, 0, 9])
    np.testing.assert_array_equal(cut(square + away), square + away)


def seen(*places: tuple[float, float]):
    """Detections and ignored boxes of boxes at vehicle x, y, painted in this order."""
    sheet, notes = canvas(), []
    for k, place in enumerate(places):
        note = truth.Notes(sheet, notes, place[0], Who(k, np.array(place), np.zeros(2)))
        note.add(box().paint(sheet, np.array(place), 0.0, 2 + k), 0)
    detections, _, ignored = truth.objects(sheet, notes)
    return detections, ignored


def test_a_hidden_box_is_ignored_not_forgotten():
    alone, none = seen((30.0, 0.0))
    both, hidden = seen((30.0, 0.0), (12.0, 0.0))
    assert (len(alone), len(none)) == (1, 0)
    assert len(both) == 1
    assert len(hidden) <= 1
    assert both.xyxy[0, 2] - both.xyxy[0, 0] > 2 * (alone.xyxy[0, 2] - alone.xyxy[0, 0])


def test_a_half_hidden_box_covers_what_can_be_seen():
    alone, _ = seen((20.0, 0.0))
    both, _ = seen((20.0, 0.0), (10.0, -1.2))
    far = both.xyxy[0]  # in the order painted
    assert far[0] == pytest.approx(alone.xyxy[0, 0], abs=1.5)
    assert far[2] < alone.xyxy[0, 2] - 5


def test_a_box_mostly_outside_the_image_is_ignored():
    inside, _ = seen((6.0, 0.0))
    outside, ignored = seen((6.0, 4.6))
    assert len(inside) == 1
    assert (len(outside), len(ignored)) == (0, 1)


def test_tiny_things_are_ignored():
    detections, ignored = seen((215.0, 0.0))
    assert (len(detections), len(ignored)) == (0, 1)


def test_sign_faces_differ_and_have_clear_corners():
    faces = [sign_face(k)[0] for k in range(COUNT)]
    assert len({f.tobytes() for f in faces}) == COUNT
    assert all(f[0, 0, 3] == f[-1, 0, 3] == 0 for f in faces)


@pytest.mark.parametrize(("left", "right"), [(34, 33), (37, 36), (39, 38), (19, 20)])
def test_left_and_right_signs_are_mirror_images(left, right):
    a, b = sign_face(left)[0].astype(int), sign_face(right)[0][:, ::-1].astype(int)
    assert np.abs(a - b).mean() < 4
    assert np.abs(a - b[:, ::-1]).mean() > 8
