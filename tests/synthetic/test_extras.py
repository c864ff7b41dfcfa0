"""What makes roads differ beyond a plain one."""

import numpy as np
import pytest

from perception.synthetic import Conditions, World, default_camera
from perception.synthetic.extras import Board, Extras, Step, clear_of, varied
from perception.synthetic.layout import PALE, YELLOW, random_layout
from perception.synthetic.traffic import VEHICLE, Mover
from perception.synthetic.vehicles import random_vehicle

SEEDS = range(40)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_plain_day_has_none_of_it():
    plain, rain = World(3), World(3, conditions=Conditions.parse("rain"))
    assert plain.extras is None
    assert plain.layout.decor == ()
    assert rain.extras is not None
    assert (plain.speed, plain.start) == (rain.speed, rain.start)


def test_lines_stay_where_they_are_and_other_strokes_are_no_paint():
    for seed in SEEDS:
        layout = random_layout(generator(seed))
        other = varied(generator(seed), layout)
        assert [x.d for x in other.lines] == [x.d for x in layout.lines]
        assert all(k.colour <= YELLOW for x in other.lines for k in x.strokes)
        assert all(k.colour > YELLOW for k in other.decor)


def test_a_bright_joint_is_no_paint():
    found = []
    for seed in range(60):
        world = World(seed, default_camera((320, 180)), conditions=Conditions.parse("dirt"))
        layout, pale = world.layout, [k for k in world.layout.decor if k.colour == PALE]
        apart = [k for k in pale if min((abs(k.d - x.d) for x in layout.lines), default=9) > 1]
        if apart:
            strip = world.course.strip(*world.pose(0.0))
            points = strip.to_vehicle(world.start + np.arange(5.0, 12), apart[0].d)
            x, y = world.camera.project(np.pad(points, ((0, 0), (0, 1)))).astype(int).T
            inside = (x >= 0) & (x < 320) & (y >= 0) & (y < 180)
            found += world.render(0.0).paint[y[inside], x[inside]].tolist()
    assert len(found) > 10
    assert np.mean(found) < 0.2


def test_kerbs_and_barriers_stand_along_the_edges_of_the_road():
    for seed in SEEDS:
        layout = random_layout(generator(seed))
        for item in Extras.random(generator(seed), layout).items(generator(seed), layout, 80.0, 40.0):
            assert 80 <= item.s <= 120
            beyond = min(abs(item.d - edge) for edge in layout.edges)
            assert not layout.edges[0] < item.d < layout.edges[1]
            assert beyond < (0.31 if isinstance(item, Step) else 7.1)


def test_boards_are_no_signs():
    """They are painted, but truth does not know them."""
    for seed in (1, 2, 3):
        world = World(seed, default_camera((320, 180)), conditions=Conditions.parse("rain"))
        boards = sum(isinstance(x, Board) for k in range(40) for x in world.block(k).items)
        assert boards > 0


def test_crossing_vehicles_drive_across_and_others_keep_clear():
    rng = generator(0)
    layout = next(x for x in map(random_layout, map(generator, SEEDS)) if x.setting == "town")
    extras = next(x for k in SEEDS if (x := Extras.random(generator(k), layout)).crossing)
    first, later = (extras.across(5, t, 100.0)[0] for t in (1.0, 3.0))
    assert abs(first.d - later.d) == pytest.approx(6)
    assert first.body.length == later.body.length
    inside = Mover(first.s + 1, first.d, 0.0, VEHICLE, random_vehicle(rng))
    assert clear_of([inside], [first]) == [first]
    assert clear_of([inside], []) == [inside]
