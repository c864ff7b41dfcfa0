"""Maps to lines, on maps drawn here: strokes three cells wide, as the network learns them."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from perception.bundle import TaskSpec
from perception.camera import CameraModel
from perception.letterbox import Letterbox
from perception.tasks.lanes import CLASSES, Lanes
from perception.tasks.lanes.decode import ROAD_EDGE
from perception.types import Frame, LaneLine, Scene

NETWORK = (640, 384)
IMAGE = (1280, 720)  # 4 pixels a cell; its first row is row 6 of the maps
CAMERA = CameraModel(IMAGE, 1000, 1000, 640, 360, height=1.5)


def drawn(*strokes: list[tuple[float, float]], width: float = 3) -> np.ndarray:
    """Logits (192, 320) of polylines in image pixels."""
    fine = np.zeros((192 * 4, 320 * 4), np.float32)
    for stroke in strokes:
        points = (np.array(stroke) + np.array((0, 24)) - 0.5) * 16
        cv2.polylines(fine, [np.rint(points).astype(int)], False, 12, round(4 * width), cv2.LINE_AA, 4)
    return cv2.resize(fine, (320, 192), interpolation=cv2.INTER_AREA) - 6


def shuffled(logits: np.ndarray) -> np.ndarray:
    return np.stack([logits[dy::2, dx::2] for dy in range(2) for dx in range(2)])


def found(
    line: np.ndarray,
    paint: np.ndarray | None = None,
    size=IMAGE,
    camera=None,
    edges: np.ndarray | None = None,
    **settings,
) -> tuple[LaneLine, ...]:
    maps = np.concatenate([shuffled(line), shuffled(line if paint is None else paint)])
    raw = {"lanes.map": maps[None]} | ({} if edges is None else {"lanes.edges": shuffled(edges)[None]})
    task = Lanes(TaskSpec("lanes", CLASSES, tuple(raw), settings={"threshold": 0.5, **settings}))
    frame = Frame(np.zeros((size[1], size[0], 3), np.uint8), 0, 0, camera=camera)
    scene = task.decode(raw, frame, Letterbox.fit(size, NETWORK), Scene(0, 0, size))
    assert scene.lanes is not None
    return scene.lanes


def away(line: LaneLine, stroke: list[tuple[float, float]]) -> np.ndarray:
    """How far each point of a line is from a stroke, in image pixels."""
    dense = [np.linspace(a, b, 2000) for a, b in pairwise(stroke)]
    gap = line.image[:, None] - np.concatenate(dense)[None]
    return np.sqrt((gap**2).sum(-1)).min(1)


def ends(line: LaneLine) -> list[float]:
    return [*line.image[0], *line.image[-1]]


STRAIGHT = [(300, 720), (600, 400)]
SHALLOW = [(40, 560), (560, 430)]
LEVEL = [(200, 503), (900, 500)]
STEEP = [(640, 700), (644, 380)]
CURVE = [(x, 380 + 330 * (1 - ((x - 300) / 500) ** 0.5)) for x in np.linspace(300, 800, 60)]


@pytest.mark.parametrize("stroke", [STRAIGHT, SHALLOW, LEVEL, STEEP, CURVE])
def test_a_stroke_becomes_its_middle_line_from_near_to_far(stroke):
    (line,) = found(drawn(stroke))
    assert away(line, stroke)[1:-1].max() < 2  # image pixels; a cell is 4. The ends are round
    np.testing.assert_allclose(ends(line), [*stroke[0], *stroke[-1]], atol=12)


@pytest.mark.parametrize("seed", range(5))
def test_noise_moves_a_line_little(seed):
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 5, (192, 320)), (0, 0), 1)
    line = max(found((drawn(STRAIGHT) + noise).astype(np.float32)), key=lambda line: len(line.image))
    assert np.median(away(line, STRAIGHT)) < 2
    np.testing.assert_allclose(ends(line), [*STRAIGHT[0], *STRAIGHT[-1]], atol=20)


def test_a_line_goes_on_behind_a_gap():
    (line,) = found(drawn([(300, 720), (420, 592)], [(480, 528), (600, 400)]))
    assert away(line, STRAIGHT).max() < 3
    assert line.image[0, 1] - line.image[-1, 1] > 300


def test_strokes_that_do_not_point_at_each_other_stay_apart():
    assert len(found(drawn([(300, 720), (420, 592)], [(560, 592), (680, 464)]))) == 2


def test_lines_that_meet_far_away_stay_lines():
    point = (640, 360)
    feet = [(-200, 720), (300, 720), (900, 720), (1500, 720)]
    lines = found(drawn(*([foot, point] for foot in feet)))
    assert len(lines) == 4
    for line, foot in zip(lines, feet, strict=True):  # left to right
        apart = line.image[:, 1] > 400  # above, three strokes are one
        assert away(line, [foot, point])[apart].max() < 4


def test_a_fork_is_a_line_through_it_and_a_branch():
    through, branch = [(640, 720), (640, 380)], [(640, 560), (900, 420)]
    first, second = sorted(found(drawn(through, branch)), key=lambda line: -line.image[0, 1])
    assert away(first, through)[1:-1].max() < 6
    assert away(second, branch)[1:-1].max() < 6


def test_a_corner_is_two_lines():
    assert len(found(drawn([(300, 720), (400, 500), (900, 500)]))) == 2


def test_short_ones_and_surfaces_are_not_lines():
    assert found(drawn([(300, 720), (310, 700)])) == ()
    assert found(drawn([(300, 600), (600, 600)], width=20)) == ()


@pytest.mark.parametrize("logit", [-9.0, 9.0])
def test_nothing_and_everything_have_no_lines(logit):
    assert found(np.full((192, 320), logit, np.float32)) == ()


def test_the_paint_tells_the_kind():
    dashes = [[(300 + 30 * k, 720 - 32 * k), (315 + 30 * k, 704 - 32 * k)] for k in range(0, 10, 2)]
    line = drawn(STRAIGHT)
    kinds = [found(line, paint)[0].kind for paint in (line, drawn(*dashes), drawn([(0, 0), (1, 1)]))]
    assert [CLASSES[k] for k in kinds] == ["solid", "dashed", "unknown"]


@pytest.mark.parametrize(
    ("share", "kind"),
    [(1.0, "solid"), (0.88, "unknown"), (0.75, "dashed"), (0.3, "dashed"), (0.03, "unknown")],
)
def test_a_line_with_paint_on_a_part_of_it_is_dashed(share, kind):
    """Two dashes of that share; a line with paint nearly all along is neither."""
    at = np.array(STRAIGHT[0]), np.array(STRAIGHT[1]) - np.array(STRAIGHT[0])
    ends = [(0.0, share / 2), (1 - share / 2, 1.0)]
    dashes = [[tuple(at[0] + k * at[1]) for k in part] for part in ends]
    (line,) = found(drawn(STRAIGHT), drawn(*dashes))
    assert CLASSES[line.kind] == kind


def two_thirds_sure() -> np.ndarray:
    """A stroke whose far third has a probability of 0.45."""
    line = drawn(STRAIGHT)
    line[: 6 + (400 + 107) // 4] = np.minimum(line[: 6 + (400 + 107) // 4], -0.2)
    return line


@pytest.mark.parametrize(("follow", "reach"), [(None, 507), (0.5, 507), (0.4, 400), (0.46, 507)])
def test_a_line_that_is_sure_is_followed_while_it_is_likely(follow, reach):
    (line,) = found(two_thirds_sure(), **({} if follow is None else {"follow_threshold": follow}))
    assert abs(line.image[-1, 1] - reach) < 16


@pytest.mark.parametrize(("sure", "count"), [(28, 0), (44, 1)])  # network pixels, of 32 that are asked for
def test_what_is_likely_and_nowhere_sure_for_long_is_no_line(sure, count):
    line = np.minimum(drawn(STEEP), -0.2)
    rows = slice(100, 100 + sure // 2)
    line[rows] = drawn(STEEP)[rows]
    assert len(found(line, follow_threshold=0.4, min_length=32)) == count


def test_the_score_is_the_probability_along_the_line():
    sure, unsure = found(drawn(STRAIGHT)), found(np.minimum(drawn(STRAIGHT), 1))
    assert sure[0].score > 0.95
    assert 0.5 < unsure[0].score < 0.74  # sigmoid(1) = 0.73


def test_road_points_line_up_and_are_metres():
    stroke = CAMERA.project(np.array([(6, 1.75, 0), (50, 1.75, 0)]))
    (line,) = found(drawn([tuple(p) for p in stroke]), camera=CAMERA)
    assert line.road is not None
    assert line.road.shape == line.image.shape
    near = line.road[:, 0] < 25
    assert np.abs(line.road[near, 1] - 1.75).max() < 0.1


def test_road_is_unknown_above_the_horizon_and_far_away():
    (line,) = found(drawn([(300, 720), (700, 300)]), camera=CAMERA.scaled((640, 360)))
    assert line.road is not None
    np.testing.assert_array_equal(np.isnan(line.road[:, 0]), line.image[:, 1] < 378.8)


def test_points_are_those_of_an_image_with_bars_at_its_sides():
    line = np.full((192, 320), -6, np.float32)
    line[20:150, 158:162] = 6  # network x 320 is the middle of the image
    (got,) = found(line, size=(500, 1000))
    np.testing.assert_allclose(got.image[:, 0], 250, atol=1)


def test_what_is_found_in_the_border_is_dropped():
    line = np.full((192, 320), -6, np.float32)
    line[:, 30:33] = 6
    assert found(line, size=(500, 1000)) == ()


NOTHING = np.full((192, 320), -6, np.float32)


@pytest.mark.parametrize("stroke", [STRAIGHT, SHALLOW, STEEP, CURVE])
def test_a_stroke_of_the_edge_map_becomes_a_road_edge(stroke):
    (edge,) = found(NOTHING, edges=drawn(stroke), camera=CAMERA)
    assert CLASSES[edge.kind] == "road_edge"
    assert away(edge, stroke)[1:-1].max() < 4  # image pixels: a cell
    np.testing.assert_allclose(ends(edge), [*stroke[0], *stroke[-1]], atol=12)
    assert edge.road.shape == edge.image.shape


def test_lines_and_edges_stand_together_from_left_to_right():
    feet = [-200, 300, 900, 1500]
    strokes = [[(foot, 720), (640 + (foot - 640) / 8, 400)] for foot in feet]
    lines = found(drawn(*strokes[1:3]), edges=drawn(strokes[0], strokes[3]))
    assert [CLASSES[line.kind] for line in lines] == ["road_edge", "solid", "solid", "road_edge"]
    assert max(away(*pair)[1:-1].max() for pair in zip(lines, strokes, strict=True)) < 4


@pytest.mark.parametrize(("aside", "kinds"), [(0, 1), (8, 1), (48, 2)])
def test_where_an_edge_runs_along_a_painted_line_the_paint_wins(aside, kinds):
    edge = [(x + aside, y) for x, y in STRAIGHT]
    lines = found(drawn(STRAIGHT), edges=drawn(edge))
    assert [CLASSES[line.kind] for line in lines] == ["solid", "road_edge"][:kinds]


@pytest.mark.parametrize(
    ("line", "paint", "kind"),
    [(1.0, -3.0, "road_edge"), (3.0, -3.0, "unknown"), (1.0, 1.0, "solid"), (1.0, -0.5, "solid")],
)
def test_a_stroke_of_both_maps_is_an_edge_if_it_has_no_paint_and_is_about_as_likely_one(line, paint, kind):
    """Logits; the edge has 1."""
    stroke = drawn(STRAIGHT)
    maps = [np.where(stroke > 0, np.float32(logit), np.float32(-6)) for logit in (line, paint, 1)]
    (got,) = found(maps[0], maps[1], edges=maps[2])
    assert CLASSES[got.kind] == kind


def test_an_edge_goes_on_behind_the_line_that_crosses_it():
    crossing = [(250, 540), (650, 580)]
    edges = [line for line in found(drawn(crossing), edges=drawn(STRAIGHT)) if line.kind == ROAD_EDGE]
    assert len(edges) == 1
    assert edges[0].image[0, 1] - edges[0].image[-1, 1] > 300


def test_lines_are_those_of_a_network_without_edges():
    alone = found(drawn(STRAIGHT, STEEP))
    edges = drawn([(900, 720), (1100, 430)])
    both = [line for line in found(drawn(STRAIGHT, STEEP), edges=edges) if line.kind != ROAD_EDGE]
    assert len(alone) == len(both) == 2
    for a, b in zip(alone, both, strict=True):
        np.testing.assert_array_equal(a.image, b.image)


@pytest.mark.parametrize(("least", "count"), [(0.5, 1), (0.8, 0)])
def test_edges_have_a_threshold_of_their_own(least, count):
    edges = np.minimum(drawn(STRAIGHT), 1)  # sigmoid(1) = 0.73
    assert len(found(NOTHING, edges=edges, threshold=0.9, edge_threshold=least)) == count
