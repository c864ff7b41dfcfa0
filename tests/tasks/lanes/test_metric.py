"""Lane lines found, by hand. The pictures are as wide as the metric's canvas, so pixels are pixels."""

from dataclasses import replace

import numpy as np
import pytest

from perception.tasks.evidence import metrics
from perception.tasks.lanes.decode import DASHED, DOUBLE, ROAD_EDGE, SOLID, UNKNOWN
from perception.tasks.lanes.metric import (
    DrawnLines,
    FalseLines,
    LineKinds,
    PaintedLines,
    RoadLines,
    middle_of,
    road_edges,
    stroke_mask,
)
from perception.types import LaneLine, Scene


def line(*points):
    return LaneLine(np.array(points, np.float32), None, 1.0, 0)


def upright(x, bottom=400, top=100):
    return line((x + 0.5, bottom), (x + 0.5, top))


def scene(*lines, size=(640, 480)):
    return Scene(0, 0, size, lanes=lines)


def drawn(*pairs):
    metric = DrawnLines()
    for truth, seen in pairs:
        metric.update(truth, seen)
    result = metric.result()
    return result["precision"], result["recall"]


@pytest.mark.parametrize(("shift", "right"), [(0, 1), (5, 1), (6, 0)])
def test_five_pixels_off_is_right_and_six_is_not(shift, right):
    assert drawn((scene(upright(300)), scene(upright(300 + shift)))) == (right, right)


def test_half_a_line_has_half_the_recall():
    assert drawn((scene(upright(300)), scene(upright(300, top=250)))) == pytest.approx((1, 0.5), abs=0.02)


def test_what_is_beyond_the_farthest_label_is_left_out():
    seen = scene(upright(300, top=20), upright(500, bottom=95, top=20))
    assert drawn((scene(upright(300)), seen)) == (1, 1)


def test_a_false_line_below_the_farthest_label_is_false():
    assert drawn((scene(upright(300)), scene(upright(300), upright(500)))) == pytest.approx((0.5, 1))


def test_lines_in_a_frame_without_paint_cost_precision():
    pairs = (scene(upright(300)), scene(upright(300))), (scene(), scene(upright(300)))
    assert drawn(*pairs) == pytest.approx((0.5, 1))


def test_the_tolerance_is_that_of_a_640_wide_image():
    small = {"size": (320, 240)}
    truth, seen = scene(upright(100, 200, 50), **small), scene(upright(103, 200, 50), **small)
    assert drawn((truth, seen)) == (0, 0)  # 3 pixels of 320 are 6 of 640


@pytest.mark.parametrize(
    ("seen", "whole", "partly"),
    [
        (upright(500), 0.5, 1.0),  # right of the right-hand line
        (upright(100), 0.5, 0.5),
        (upright(300, bottom=470, top=400), 0.81, 1.0),  # a line that goes on
        (upright(330, bottom=470, top=400), 0.81, 1.0),
        (upright(280, bottom=470, top=400), 0.81, 0.81),
    ],
)
def test_lines_labelled_in_part_are_not_judged_where_they_may_go_on(seen, whole, partly):
    for metric, expected in ((DrawnLines(), whole), (DrawnLines(whole=False), partly)):
        metric.update(scene(upright(300)), scene(upright(300), seen))
        result = metric.result()
        assert (result["precision"], result["recall"]) == pytest.approx((expected, 1), abs=0.02)


def test_a_kerb_is_not_the_right_hand_line_of_those_labelled_in_part():
    metric = DrawnLines(whole=False)
    metric.update(scene(upright(300), edge(upright(600))), scene(upright(300), upright(500)))
    assert metric.result()["precision"] == 1  # right of the right-hand line


def test_lines_that_run_over_what_is_no_paint_are_counted():
    paint = np.full((480, 640), 255, np.uint8)
    paint[:, 200:400] = 0
    metric = FalseLines()
    metric.update(
        paint, scene(upright(300), upright(100), line((190, 200), (215, 200)))
    )  # the last: 15 pixels
    metric.update(paint, scene())
    assert metric.result() == {"false_lines": 1 / 2}


@pytest.mark.parametrize(
    ("true", "told", "shares"),
    [
        (SOLID, SOLID, (1, 0)),
        (SOLID, DASHED, (0, 1)),
        (DASHED, UNKNOWN, (0, 0)),
        (DASHED, DOUBLE, (0, 0)),
    ],
)
def test_a_kind_is_right_wrong_or_neither(true, told, shares):
    metric = LineKinds()
    metric.update(
        scene(replace(upright(300), kind=true), replace(upright(320), kind=SOLID)),
        scene(replace(upright(304), kind=told)),
    )
    assert metric.result() == dict(zip(("kind_right", "kind_wrong"), shares, strict=True))


def test_kinds_are_judged_along_solid_and_dashed_lines_alone():
    true = replace(upright(100), kind=DOUBLE), upright(200), replace(upright(300), kind=DASHED)
    half = line((300.5, 250), (300.5, 100), (400.5, 100), (400.5, 260))  # more than half of it is elsewhere
    found = [replace(x, kind=SOLID) for x in (upright(100), upright(200), half, upright(500))]
    metric = LineKinds()
    metric.update(scene(*true), scene(*found))
    assert not metric.evidence()["/kinds"].values.any()
    assert np.isnan(list(metrics(metric.evidence()).values())).all()


def test_no_lines_found_is_precision_zero():
    assert drawn((scene(upright(300)), scene())) == (0, 0)


def edge(line):
    return replace(line, kind=ROAD_EDGE)


def test_road_edges_are_neither_asked_for_nor_false():
    kerb = edge(upright(500))
    assert drawn((scene(upright(300), kerb), scene(upright(300)))) == (1, 1)
    assert drawn((scene(upright(300)), scene(upright(300), kerb))) == (1, 1)
    assert drawn((scene(upright(300)), scene(edge(upright(300))))) == (0, 0)


@pytest.mark.parametrize(("found", "rates"), [(edge(upright(500)), (1, 1)), (upright(500), (0, 0))])
def test_road_edges_have_a_metric_of_their_own(found, rates):
    metric = DrawnLines(road_edges)
    metric.update(scene(upright(300), edge(upright(503))), scene(upright(100), found))
    assert (metric.result()["precision"], metric.result()["recall"]) == rates


def painted(paint, *lines):
    metric = PaintedLines()
    metric.update(paint, scene(*lines, size=(480, 360)))
    result = metric.result()
    return result["precision"], result["recall"]


@pytest.fixture
def dashes():
    """Two dashes 8 pixels wide with a gap between them."""
    paint = np.zeros((360, 480), np.uint8)
    paint[100:160, 236:244] = paint[220:300, 236:244] = 1
    return paint


def test_gaps_between_dashes_are_not_judged(dashes):
    assert painted(dashes, upright(240, bottom=300, top=100)) == (1, 1)


def test_a_road_edge_is_no_false_paint(dashes):
    lines = upright(240, bottom=300, top=100), edge(upright(400, bottom=300, top=100))
    assert painted(dashes, *lines) == (1, 1)


def test_a_line_beside_the_paint_is_false_and_finds_nothing(dashes):
    assert painted(dashes, upright(260, bottom=300, top=100)) == (0, 0)


def test_what_goes_on_below_the_paint_is_false(dashes):
    precision, recall = painted(dashes, upright(240, bottom=340, top=100))
    assert (precision, recall) == (pytest.approx(144 / 182, abs=0.01), 1)  # 4 more rows are within tolerance


def test_what_is_above_the_farthest_paint_is_not_judged(dashes):
    assert painted(dashes, upright(240, 300, 100), upright(400, 95, 10)) == (1, 1)


def test_other_paint_and_void_are_not_judged(dashes):
    dashes[:, 100:110] = 255
    assert painted(dashes, upright(240, 300, 100), upright(105, 350, 10)) == (1, 1)


def test_the_middle_of_a_stroke_is_thin_and_as_long():
    mask = np.zeros((50, 50), bool)
    mask[5:45, 20:29] = True
    middle = middle_of(mask)
    assert middle[10:40, 24].all()
    assert not middle[10:40, :22].any()


def test_strokes_have_no_holes():
    mask = stroke_mask([line((3, 90), (60, 10), (90, 10))], 1.0, (100, 100))
    assert (np.diff(np.flatnonzero(mask.any(1))) == 1).all()
    assert (np.diff(np.flatnonzero(mask.any(0))) == 1).all()


def on_road(y, reach=(3.0, 30.0)):
    """A line straight ahead, y metres to the left."""
    x = np.linspace(*reach, 28)
    return LaneLine(np.zeros((28, 2), np.float32), np.stack([x, np.full(28, y)], 1), 1.0, 0)


def road(true, found):
    metric = RoadLines()
    truth, seen = (Scene(0, 0, (640, 480), lanes=tuple(lines)) for lines in (true, found))
    metric.update(truth, seen)
    return metric.result()


def test_distance_on_the_road_is_the_median_over_paired_lines():
    got = road([on_road(6), on_road(2), on_road(-2)], [on_road(6.1), on_road(2.1), on_road(-2.4)])
    assert got["median_m"] == pytest.approx(0.1)
    assert (got["precision_m"], got["recall_m"]) == (1, 1)


def test_a_true_line_is_paired_once_and_the_nearest_wins():
    got = road([on_road(2)], [on_road(2.4), on_road(2.1)])
    assert got["median_m"] == pytest.approx(0.1)
    assert got["precision_m"] == pytest.approx(0.5)


def test_a_line_far_off_is_another_line():
    assert road([on_road(2)], [on_road(2.6)]) == {"precision_m": 0, "recall_m": 0}


def test_recall_counts_the_metres_that_a_line_lacks():
    got = road([on_road(2)], [on_road(2, (3, 14.9))])
    assert got["recall_m"] == pytest.approx(20 / 41)  # 5 to 14.5 of 5 to 25 m, every half metre
    assert got["precision_m"] == 1


def test_lines_of_a_camera_that_is_not_calibrated_are_left_out():
    line = LaneLine(np.zeros((2, 2), np.float32), None, 1.0, 0)
    assert road([on_road(2)], [line])["recall_m"] == 0
