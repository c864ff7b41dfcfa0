"""Which tasks are left out, on a machine of a given speed and a camera of 30 frames a second."""

from __future__ import annotations

import pytest

from perception.overload import EVERY, HOLD, MOST_HOLD, Overload, levels

PERIOD = 33.3
COSTS = {"signs": 4.0, "detection": 8.0, "lanes": 6.0, "drivable": 2.0}
NEEDS = {"signs": ("detection",)}
SIGNS, BOTH = frozenset({"signs"}), frozenset({"signs", "detection"})


def driven(overload: Overload, slowness: float, frames: int) -> list[frozenset[str]]:
    """What was left out of so many frames, each of which cost `slowness` times its tasks."""
    left_out = []
    for _ in range(frames):
        out = overload.next()
        ms = slowness * sum(cost for name, cost in COSTS.items() if name not in out)
        overload.measured(out, ms, PERIOD)
        left_out.append(out)
    return left_out


def test_nothing_is_left_out_while_there_is_time():
    assert set(driven(Overload(["signs", "detection"], NEEDS), 1.0, 200)) == {frozenset()}


def test_signs_go_first_and_lanes_keep_the_rate_at_twice_the_load():
    slow = 2 * PERIOD / sum(COSTS.values())
    left_out = driven(Overload(["signs", "detection"], NEEDS), slow, 60)
    assert next(out for out in left_out if out) == SIGNS
    assert set(left_out[-20:]) <= {SIGNS, BOTH}
    kept = [slow * sum(ms for name, ms in COSTS.items() if name not in out) for out in left_out[-21:]]
    assert sum(kept) / 21 <= PERIOD


def test_a_single_slow_frame_changes_nothing():
    overload = Overload(["signs"], NEEDS)
    driven(overload, 1.0, 20)
    driven(overload, 20.0, 1)
    assert not any(driven(overload, 1.0, 20))


def test_tasks_come_back_when_the_load_is_gone_and_not_at_once():
    overload = Overload(["signs", "detection"], NEEDS)
    driven(overload, 4.0, 40)
    assert overload.text == "detection, signs"
    assert frozenset() not in driven(overload, 1.0, HOLD)
    assert driven(overload, 1.0, 10 * HOLD)[-1] == frozenset()


def test_a_task_that_comes_back_too_early_stays_away_longer():
    """Signs alone are too much; nothing else tells so but to try."""
    overload = Overload(["signs"], NEEDS)
    returns = 0
    for _ in range(2000):
        before = overload.text
        out = overload.next()
        overload.measured(out, 20.0 if out else 70.0, PERIOD)
        returns += bool(before) and not overload.text
    assert returns < 2000 / HOLD / 4


def frames_until_all_run(overload: Overload) -> int:
    frames = 0
    while overload.text:
        driven(overload, 0.5, 1)
        frames += 1
    return frames


@pytest.mark.parametrize(("stays", "soon"), [(MOST_HOLD // 2, False), (MOST_HOLD, True)])
def test_a_task_that_stayed_comes_back_soon_again(stays, soon):
    overload = Overload(["lanes"])
    for _ in range(6):
        driven(overload, 4.0, 10)
        assert overload.text
        frames_until_all_run(overload)
    assert not any(driven(overload, 0.5, stays))
    driven(overload, 4.0, 10)
    assert (frames_until_all_run(overload) < MOST_HOLD / 4) == soon


def test_what_needs_a_task_goes_with_it():
    assert levels(["detection"], NEEDS)[-1] == (BOTH, BOTH)
    assert len(levels(["detection", "signs"], NEEDS)) == 3


def test_every_third_frame_has_the_task():
    overload = Overload(["signs"], NEEDS)
    overload._go(1)
    assert [bool(overload.next()) for _ in range(2 * EVERY)] == 2 * [False, True, True]


def test_a_wrong_first_cost_is_forgotten_where_it_is_measured_again():
    one = Overload(("signs",))
    for k in range(2 * MOST_HOLD + 300):  # with all tasks slow at first, then all far within the period
        out = one.next()
        one.measured(out, 60.0 if k < 8 and not out else 10.0, 33.0)
    assert one.text == ""
