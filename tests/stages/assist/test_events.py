"""Each event begins and ends by its definition, is told in time, and is silent where it must be."""

import numpy as np
import pytest

from perception.stages.assist import EVENTS, Assist
from perception.types import Frame, Scene
from tests.stages.assist.drives import CLASSES, IMAGE, SIGNS, SIZE, Drive, Mover, events, times

SEEDS = range(25)


def closing(gap, relative, y=0.0, ego=15.0):
    """A vehicle ahead that is nearer by `relative` metres each second."""
    return Mover("vehicle", lambda t: gap - relative * t, lambda t: y, lambda t: ego - relative)


def braking(gap, after, ego=15.0, brake=5.0):
    """Drives as fast as we, and brakes after so many seconds."""

    def braked(t):
        return min(max(t - after, 0.0), ego / brake)  # seconds

    def gap_at(t):
        stood = max(t - after - ego / brake, 0.0)
        return gap - 0.5 * brake * braked(t) ** 2 - ego * stood

    return Mover("vehicle", gap_at, lambda t: 0.0, lambda t: ego - brake * braked(t))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_collision_is_told_in_time(seed):
    """True time to collision is 2.8 s at 4.2 s. With distances off by 3 %, within 0.5 s of that."""
    began, _ = times(events(Drive(movers=[closing(56, 8)]), seed=seed), "collision")
    assert began == pytest.approx(4.2, abs=0.6)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_lead_that_brakes_is_told_before_it_is_late(seed):
    """At constant speeds the 2.8 s would be passed at 3.4 s only, when stopping takes all that brakes can."""
    found = events(Drive(movers=[braking(25, 2.0)]), 6.0, seed=seed)
    began, _ = times(found, "collision")
    assert 2.3 < began < 3.1


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "mover",
    [closing(40, 0), closing(56, 8, y=3.5), closing(56, -3), closing(60, 30, y=3.5), closing(60, 2.0)],
    ids=["as fast", "other lane", "faster", "oncoming", "slowly"],
)
def test_no_collision_without_danger(mover, seed):
    assert times(events(Drive(movers=[mover]), 4.0, seed=seed), "collision") is None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_collision_is_told_without_the_own_speed(seed):
    """By the growth in the image."""
    began, _ = times(events(Drive(movers=[closing(56, 8)], knows_speed=False), seed=seed), "collision")
    assert began == pytest.approx(4.2, abs=0.9)


def test_the_time_to_collision_is_right():
    """As far as distance and speed are."""
    found = events(Drive(movers=[closing(56, 8)]), noise=0.0)
    for t, own in found:
        if "collision" in own and 56 - 8 * t > 4:
            assert own["collision"].value == pytest.approx((56 - 8 * t) / 8, rel=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_headway(seed):
    """10 m at 15 m/s are 0.67 s; 20 m are 1.33 s."""
    assert times(events(Drive(movers=[closing(10, 0)]), seed=seed), "headway")[0] < 1.0
    assert times(events(Drive(movers=[closing(20, 0)]), seed=seed), "headway") is None
    slow = Drive(lambda t: 4.0, movers=[closing(3.5, 0, ego=4.0)])
    assert times(events(slow, seed=seed), "headway") is None


@pytest.mark.parametrize("seed", SEEDS)
def test_the_lead_is_the_nearest_in_the_path(seed):
    drive = Drive(movers=[closing(50, 0), closing(30, 0), closing(20, 0, y=3.5), closing(60, 35, y=-0.2)])
    found = events(drive, 2.0, seed=seed)
    assert {own["lead"].track for t, own in found if t > 1} == {1}
    assert found[-1][1]["lead"].value == pytest.approx(30, rel=0.12)


@pytest.mark.parametrize(("unsure_s", "stays"), [(0.9, True), (2.0, False)])
def test_a_lead_whose_speed_is_not_told_for_a_moment_stays_the_lead(unsure_s, stays):
    """As while it brakes hard: what drove ahead of us does not come towards us a moment later."""
    speed = lambda t: np.nan if 3 < t < 3 + unsure_s else 15.0  # noqa: E731
    found = events(Drive(movers=[Mover("vehicle", lambda t: 10.0, lambda t: 0.0, speed)]))
    for name in ("lead", "headway"):
        assert all(name in own for t, own in found if 1 < t < 3 + unsure_s) == stays


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cut_in_is_told_before_it_is_in(seed):
    """It begins to move at 2 s with 1 m/s, and its side is over the line after 0.85 m."""

    def aside(t):
        return -1.0 if 2 < t < 5 else 0.0

    def y(t):
        return 3.5 - min(max(t - 2, 0.0), 3.0)

    drive = Drive(movers=[Mover("vehicle", lambda t: 20.0, y, lambda t: 15.0, aside)])
    began, ended = times(events(drive, seed=seed), "cut_in")
    assert 2.0 < began < 2.9
    assert ended < 6.0


@pytest.mark.parametrize("seed", SEEDS)
def test_who_stays_in_his_lane_does_not_cut_in(seed):
    beside = [closing(15, 0, y=3.5), closing(30, 5, y=-3.5), closing(60, 30, y=3.4)]
    assert times(events(Drive(movers=beside), 4.0, seed=seed), "cut_in") is None


@pytest.mark.parametrize("seed", SEEDS)
def test_the_first_guess_of_a_velocity_to_the_side_is_no_cut_in(seed):
    """Of a new track it is 1.5 m/s into the path, and a tenth of that half a second later."""

    def aside(t):
        return -1.5 * 0.1 ** (t / 0.5)

    beside = Mover("vehicle", lambda t: 11.0, lambda t: 2.75, lambda t: 15.0, aside)
    assert times(events(Drive(movers=[beside]), 4.0, seed=seed), "cut_in") is None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pedestrian_who_walks_into_the_path(seed):
    """From 5 m to the right with 1.4 m/s, 50 m ahead, at 12 m/s: there when we are."""
    walk = Mover("person", lambda t: 50 - 12 * t, lambda t: -5 + 1.4 * t, lambda t: 0.0, lambda t: 1.4)
    began, _ = times(events(Drive(lambda t: 12.0, movers=[walk]), 4.0, seed=seed), "person_in_path")
    assert began < 1.3


@pytest.mark.parametrize(
    ("speed", "name", "other"), [(4, "person_in_path", "lead"), (12, "lead", "person_in_path")]
)
def test_a_motorbike_as_slow_as_a_bicycle_is_taken_for_one(speed, name, other):
    bike = Mover("motorbike", lambda t: 40 + (speed - 15) * t, lambda t: 0.0, lambda t: float(speed))
    found = events(Drive(movers=[bike]), 3.0)
    assert times(found, name) is not None
    assert times(found, other) is None


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("y", "aside"), [(-4.0, 0.0), (-3.0, -1.4), (5.0, 0.0)])
def test_a_pedestrian_on_the_pavement_is_no_event(y, aside, seed):
    walk = Mover("person", lambda t: 50 - 12 * t, lambda t: y + aside * t, lambda t: 0.0, lambda t: aside)
    assert times(events(Drive(lambda t: 12.0, movers=[walk]), 4.0, seed=seed), "person_in_path") is None


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("side", [1, -1])
def test_a_lane_departure_is_told_before_the_line(side, seed):
    """At 0.5 m/s from 2 s on: the wheel, 0.85 m from the line, is over it at 3.7 s."""
    drive = Drive(shift=lambda t: side * 0.5 * max(t - 2, 0.0))
    began, _ = times(events(drive, 5.0, seed=seed), "lane_departure")
    assert 2.5 < began < 3.7


@pytest.mark.parametrize("seed", SEEDS)
def test_wandering_in_the_lane_is_no_departure(seed):
    drive = Drive(shift=lambda t: 0.25 * np.sin(2 * np.pi * t / 6))
    assert times(events(drive, 12.0, seed=seed), "lane_departure") is None


@pytest.mark.parametrize("drive", [Drive(lambda t: 5.0), Drive(paint=False)], ids=["slow", "no paint"])
def test_no_departure_where_nobody_can_say(drive):
    drive.shift = lambda t: 0.5 * t
    assert times(events(drive, 5.0), "lane_departure") is None


def test_a_speed_limit_holds_until_it_ends():
    shown = {1: [("speed_limit_50", 1)], 3: [("speed_limit_80", 2)], 5: [("speed_limit_80_end", 3)]}
    found = events(Drive(signs=lambda t: shown.get(int(t), [])))
    assert {int(t): own["speed_limit"].value for t, own in found if "speed_limit" in own and t % 1 > 0.3} == {
        **dict.fromkeys((1, 2), 50.0),
        **dict.fromkeys((3, 4), 80.0),
    }


@pytest.mark.parametrize("every", [2, 3])
def test_a_limit_that_is_read_in_some_frames_holds(every):
    """As when signs are shed in two of three frames: the others neither count nor begin the count anew."""
    read = lambda t: [("speed_limit_50", 1)] if round(t * 15) % every == 0 else []  # noqa: E731
    began, _ = times(events(Drive(signs=read), 3.0), "speed_limit")
    assert began == pytest.approx(2 * every / 15)


def test_a_sign_that_is_read_again_after_long_begins_anew():
    found = events(Drive(signs=lambda t: [("speed_limit_50", 1)] if round(t * 15) in (0, 1, 60) else []))
    assert times(found, "speed_limit") is None


def test_a_sign_seen_once_is_no_limit():
    found = events(Drive(signs=lambda t: [("speed_limit_50", 1)] if t < 0.1 else []))
    assert times(found, "speed_limit") is None


def test_a_limit_expires():
    drive = Drive(lambda t: 100.0, signs=lambda t: [("speed_limit_50", 1)] if t < 1 else [])
    _, ended = times(events(drive, 40.0, rate=10), "speed_limit")
    assert ended == pytest.approx(31, abs=0.5)  # 3 km after the sign was last seen


def test_nothing_is_said_of_a_scene_without_metres():
    """Tracks without a calibrated camera."""
    assist, scene = Assist(CLASSES, SIGNS), Scene(0, 0, SIZE)
    assert assist(Frame(IMAGE, 0, 0), scene).events == ()


def test_after_a_reset_everything_begins_anew():
    assist = Assist(CLASSES, SIGNS)
    for seq in range(20):
        scene = assist(Frame(IMAGE, seq * 10**8, seq), Scene(seq, seq * 10**8, SIZE))
    assist.reset()
    assert scene.events == ()
    assert set(EVENTS) == {
        *("lead", "headway", "collision", "cut_in", "person_in_path", "lane_departure", "speed_limit"),
    }


def test_events_are_painted():
    assist = Assist(CLASSES, SIGNS)
    drive = Drive(movers=[closing(10, 0)])
    last = events(drive, 2.0)[-1][1]
    canvas = np.zeros((720, 1280, 3), np.uint8)
    assist.draw(canvas, Scene(0, 0, SIZE, events=tuple(last.values())))
    assert (canvas[..., 2] > 200).sum() > 500


def test_what_stands_beside_the_road_does_not_hide_a_collision():
    parked = Mover("vehicle", lambda t: 70 - 15 * t, lambda t: -6.0)
    began, _ = times(events(Drive(movers=[closing(56, 8), parked]), noise=0), "collision")
    assert began == pytest.approx(4.2, abs=0.4)


def test_a_person_on_the_pavement_does_not_hide_one_in_the_path():
    aside, ahead = (
        Mover("person", lambda t, x=x: x - 15 * t, lambda t, y=y: y) for x, y in ((85, -6), (90, 0))
    )
    began, _ = times(events(Drive(movers=[aside, ahead]), noise=0), "person_in_path")
    assert began == pytest.approx(2.2, abs=0.4)
