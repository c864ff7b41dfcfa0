"""The view from above shows things where they are."""

from dataclasses import replace

import numpy as np
import pytest

from perception.stages.birds_eye import BirdsEye, _view
from perception.types import Event, Scene
from tests.stages.drives import CLASSES, IMAGE, SIZE, boxes, drive, found, line

BLUE = (255, 160, 50)


def seen(places, lanes=()):
    return list(drive(lambda k: found(boxes(places)), 12, lanes=lambda k: lanes))[-1]


def painted(scene, image=IMAGE):
    canvas = image.copy()
    BirdsEye(CLASSES).draw(canvas, scene)
    return canvas


def panel(canvas):
    view = _view(*canvas.shape[:2])
    left = canvas.shape[1] - view.margin - view.width
    return view, canvas[view.margin : view.margin + view.height, left : left + view.width]


@pytest.mark.parametrize("place", [(20, 4), (35, -6)])
def test_a_car_is_where_it_is(place):
    view, above = panel(painted(seen([place])))
    rows, columns = np.nonzero(np.abs(above.astype(int) - np.array(BLUE) * 0.86).max(2) < 6)
    assert (view.width / 2 - columns.mean()) / view.scale == pytest.approx(place[1], abs=0.6)
    assert (view.height - rows.max()) / view.scale - 5 == pytest.approx(place[0], rel=0.1)


def test_what_a_warning_is_about_is_red():
    scene = replace(seen([(20, 0)]), events=())
    warned = replace(scene, events=(Event("collision", 1.0, 0, int(scene.detections.track[0])),))
    reds = [(painted(one)[..., 2] > 180).sum() for one in (scene, warned)]
    assert reds[1] > reds[0] + 20


def test_the_ego_lane_is_green_and_predicted_lines_are_dotted():
    scene = seen([], (line(300.0), line(980.0)))
    gone = replace(scene, lanes=tuple(replace(one, predicted=True) for one in scene.lanes))
    (view, whole), (_, dotted) = (panel(painted(one)) for one in (scene, gone))
    assert whole[-60, whole.shape[1] // 2, 1] > whole[-60, 5, 1] + 30
    x, y = np.nanmedian(scene.lanes[0].road, 0)
    row, column = (int(v) >> 4 for v in view.pixel(np.array((x, y)))[::-1])
    drawn = [
        (one[row - 40 : row, column - 6 : column + 6].max((1, 2)) > 95).mean() for one in (whole, dotted)
    ]
    assert drawn[0] == 1
    assert 0.3 < drawn[1] < 0.8


@pytest.mark.parametrize("shape", [(375, 1242), (1080, 1920), (360, 640), (90, 160)])
def test_any_size_of_image_and_a_scene_without_metres(shape):
    bare = Scene(0, 0, SIZE, found(boxes([(20, 0)])), lanes=(line(300.0),))
    canvas = painted(bare, np.full((*shape, 3), 200, np.uint8))
    assert canvas.shape[:2] == shape
    assert (canvas == 200).all() == (shape == (90, 160))
