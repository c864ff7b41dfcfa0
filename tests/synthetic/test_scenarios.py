"""Drives with a plot: they move as they say, nobody is hit, and their truth is that of the exact state."""

from dataclasses import replace

import numpy as np
import pytest

from perception.synthetic import default_camera
from perception.synthetic.actors import Across, Move, Ride
from perception.synthetic.happenings import Other, Own, happenings, time_to_collision
from perception.synthetic.layout import SOLID, Lane, Layout, Line
from perception.synthetic.limits import in_force
from perception.synthetic.scenario_world import ScenarioWorld
from perception.synthetic.scenarios import SCENARIOS
from perception.synthetic.traffic import MOTORBIKE, PERSON, VEHICLE
from perception.synthetic.vehicles import Vehicle

LINES = tuple(Line(d, SOLID, ()) for d in (3.5, 0.0, -3.5))
ROAD = Layout("country", (Lane(-1.75, 3.5, True), Lane(1.75, 3.5, False)), 0, LINES, (), (-4.0, 4.0))
MIDDLE = -1.75


def names(own, *others):
    return {x.name: x for x in happenings(ROAD, own, others)}


def own(speed=15.0, d=MIDDLE, aside=0.0, gain=0.0):
    return Own(d, speed, aside, gain)


def car(x, speed=15.0, d=MIDDLE, aside=0.0, gain=0.0, number=7):
    return Other(number, VEHICLE, x, d, speed, aside, gain, 0.2)


@pytest.mark.parametrize(
    "way", [Ride(12, ((1, 3, -4), (5, 6, 2))), Ride(3, ((0.5, 4, -2),)), Move(1, 2, -3, 0.3)]
)
def test_rates_are_the_change_of_places(way):
    for t in np.arange(0.05, 7, 0.23):
        before, now, after = way(t - 1e-4), way(t), way(t + 1e-4)
        assert now.rate == pytest.approx((after.at - before.at) / 2e-4, abs=1e-3)


def test_a_move_ends_where_it_says_and_a_ride_stands():
    assert Across(1.0, (Move(1, 2, 3), Move(4, 1, -1)))(9).at == pytest.approx(3)
    assert Ride(4, ((1, 9, -2),))(20) == (pytest.approx(4 + 4), 0, 0)


@pytest.mark.parametrize("name", SCENARIOS)
def test_nobody_is_hit(name):
    for seed in range(12):
        world = ScenarioWorld(name, seed)
        for t in np.arange(0, world.scenario.seconds, 0.1):
            s, d, _ = world.pose(t)
            for actor in (world._mover(k, x, t) for k, x in enumerate(world.scenario.actors)):
                half = actor.body.length / 2 if isinstance(actor.body, Vehicle) else 0.5
                assert abs(actor.s - s) - half > 1.5 or abs(actor.d - d) > 1.5


@pytest.mark.parametrize(
    ("scenario", "event", "t"),
    [
        ("follow", "lead", 2.0),
        ("tailgate", "headway", 7.0),
        ("braking", "collision", 3.2),
        ("crossing", "person_in_path", 3.0),
        ("limit", "speed_limit", 3.4),
    ],
)
def test_the_plot_happens(scenario, event, t):
    found = ScenarioWorld(scenario, 0, default_camera((480, 270))).render(t)
    assert event in {x.name for x in found.happenings if x.sure}
    numbers = {x.number for x in found.happenings if x.sure and x.number >= 0}
    assert numbers <= set(found.truth.detections.track.tolist())


def test_places_change_as_velocities_say():
    world, step = ScenarioWorld("braking", 1, default_camera((480, 270))), 0.1
    a, b = world.render(2.5), world.render(2.5 + step)
    before, judged = dict(zip(a.truth.detections.track.tolist(), range(99), strict=False)), []
    for k, number in enumerate(b.truth.detections.track.tolist()):
        near = b.truth.detections.road[k]
        if number in before and 5 < near[0] < 40 and b.truth.detections.class_id[k] == VEHICLE:
            judged.append(number)
            moved = near[0] - a.truth.detections.road[before[number], 0] + a.frame.ego.speed * step
            assert moved / step == pytest.approx(a.truth.detections.velocity[before[number], 0], abs=1.5)
    assert judged


def test_numbers_stay_from_frame_to_frame():
    world = ScenarioWorld("cut_in", 0, default_camera((480, 270)))
    a, b = world.render(2.0).truth.detections, world.render(2.1).truth.detections
    assert len(set(a.track.tolist())) == len(a)
    assert len(set(a.track.tolist()) & set(b.track.tolist())) > 0.7 * len(a)


def test_a_lead_is_in_our_lane_and_does_not_come_towards_us():
    assert names(own(), car(30))["lead"].sure
    assert "lead" not in names(own(), car(30, d=1.75))
    assert "lead" not in names(own(), car(30, speed=-10))
    assert not names(own(), car(30, d=MIDDLE + 1.7))["lead"].sure


def test_a_collision_is_by_the_time_to_it():
    assert names(own(), car(20, speed=7))["collision"].value == pytest.approx(2.5)
    assert not names(own(), car(25, speed=7))["collision"].sure  # 3.1 s: begun or not
    assert "collision" not in names(own(), car(40, speed=7))
    assert time_to_collision(own(), car(10, gain=-5)) == pytest.approx(2)  # 10 = 5 t^2 / 2


def test_a_cut_in_is_a_move_into_our_lane():
    assert names(own(), car(15, d=MIDDLE - 3.2, aside=1.0))["cut_in"].sure
    assert "cut_in" not in names(own(), car(15, d=MIDDLE - 3.2, aside=-1.0))
    assert "cut_in" not in names(own(), car(15, d=MIDDLE - 6.5, aside=1.0))


def test_a_person_who_walks_into_the_path_is_told():
    def person(aside, d=2.0):
        return Other(3, PERSON, 30, d, 0, aside, 0, 0.2)

    assert names(own(10), person(-1.2))["person_in_path"].sure
    assert "person_in_path" not in names(own(10), person(0.0))
    assert "person_in_path" not in names(own(6), person(-1.2))  # 5 s away


@pytest.mark.parametrize(
    ("speed", "surely", "perhaps"),
    [
        (5.0, {"person_in_path"}, set()),
        (6.9, set(), {"person_in_path", "lead", "collision"}),
        (8.1, {"lead", "collision"}, set()),
    ],
)
def test_a_motorbike_as_slow_as_a_bicycle_is_taken_for_one(speed, surely, perhaps):
    told = names(own(), replace(car(15, speed), class_id=MOTORBIKE))
    told.pop("headway", None)
    assert {name for name, one in told.items() if one.sure} == surely
    assert {name for name, one in told.items() if not one.sure} == perhaps


def test_a_departure_is_by_the_time_to_the_line():
    assert names(own(aside=0.6, d=-1.3))["lane_departure"].value == pytest.approx(0.4 / 0.6)
    assert "lane_departure" not in names(own(aside=0.4))  # 2.1 s
    assert "lane_departure" not in names(own(speed=5, aside=0.6, d=-1.3))


@pytest.mark.parametrize(
    ("s", "told"), [(0, []), (70, [(50, False)]), (110, [(50, True)]), (170, [(50, False)]), (210, [])]
)
def test_a_limit_is_in_force_from_its_sign_to_the_one_that_ends_it(s, told):
    found = in_force([(100, 2), (120, 12), (200, 32)], s)
    assert [(x.value, x.sure) for x in found] == told
