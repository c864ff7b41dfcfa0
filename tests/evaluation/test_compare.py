"""Which of two is better, and how sure that is."""

from dataclasses import replace

import numpy as np
import pytest

from perception.errors import DataError
from perception.evaluation.compare import Difference, compare, differences, draws, paired, units
from perception.tasks.evidence import Counts
from tests.evaluation.frames import drive, record

SECOND = 1_000_000_000


def recorded(name, **fixed):
    return [replace(r, stamp_ns=1 + r.seq * SECOND // 4) for r in drive(name, **fixed)]


def by_name(found):
    return {own.name: own for own in found[0]}


def test_a_difference_beyond_its_interval_is_better_or_worse_and_less_metres_are_better():
    assert Difference("lanes.drawn.f1", 0.5, 0.6, 0.05, 0.15).mark == "better"
    assert Difference("lanes.drawn.f1", 0.6, 0.5, -0.15, -0.05).mark == "worse"
    assert Difference("synthetic.lanes.median_m", 0.2, 0.1, -0.15, -0.05).mark == "better"
    assert Difference("lanes.drawn.f1", 0.5, 0.6, -0.05, 0.25).mark == "undecided"
    assert Difference("lanes.drawn.f1", 0.5, 0.6, float("nan"), float("nan")).mark == "undecided"


def test_the_same_frames_are_drawn_for_both():
    """Every frame is a little better: paired, that is sure, however much the frames themselves differ."""
    before = [record(seq=k, shared=100 + 40 * k) for k in range(20)]
    after = [record(seq=k, shared=105 + 40 * k) for k in range(20)]
    own = by_name(differences((before, after)))["drivable.town.iou"]
    assert own.value == pytest.approx(0.005)
    assert (own.low, own.high) == pytest.approx((0.005, 0.005))
    assert own.mark == "better"


def test_an_interval_is_as_wide_as_the_standard_error_says():
    rng = np.random.default_rng(1)
    gains = rng.integers(-100, 100, 400)
    before = [record(seq=k, shared=500) for k in range(400)]
    after = [record(seq=k, shared=500 + int(gain)) for k, gain in enumerate(gains)]
    own = by_name(differences((before, after)))["drivable.town.iou"]
    error = 1.96 * gains.std() / 1000 / np.sqrt(400)
    assert own.high - own.low == pytest.approx(2 * error, rel=0.15)


def test_a_metric_that_did_not_change_is_undecided():
    found, _ = differences((drive(), drive()))
    assert {own.mark for own in found} == {"undecided"}
    assert {own.value for own in found} == {0.0}


def test_only_frames_that_both_saw_are_compared():
    before, after = drive(frames=12), [*drive(frames=10), *drive("other", 3)]
    found, pairs = compare(("a", before), ("b", after), times=10)
    assert (found.basis.frames, found.basis.only_before, found.basis.only_after) == (10, 2, 3)
    assert [r.seq for r in pairs[0]] == [r.seq for r in pairs[1]] == list(range(10))
    with pytest.raises(DataError, match="same frames, got the drives \\['city'\\] and \\['sea'\\]"):
        paired(before, drive("sea"))


def test_pictures_are_paired_by_their_names_and_not_only_by_their_numbers():
    """With a limit, every other picture was chosen; they are counted as they were chosen, from 0."""
    every = [replace(r, source=f"/mnt/here/{r.seq}.png") for r in drive(frames=6)]
    chosen = [replace(r, seq=k, source=f"/data/there/{r.seq}.png") for k, r in enumerate(every[::2])]
    found, pairs = compare(("a", chosen), ("b", every), times=10)
    assert [(a.source, b.source) for a, b in zip(*pairs, strict=True)] == [
        ("/data/there/0.png", "/mnt/here/0.png")
    ]
    assert (found.basis.only_before, found.basis.only_after) == (2, 5)
    with pytest.raises(DataError, match="with the same --limit"):
        paired(chosen[1:], every)


@pytest.mark.parametrize(("drives", "unit"), [(10, "drives"), (9, "seconds")])
def test_whole_drives_are_drawn_where_there_are_enough(drives, unit):
    records = [r for k in range(drives) for r in recorded(f"d{k}", frames=8)]
    numbers, name = units(records)
    assert name == unit
    assert len(set(numbers)) == (10 if unit == "drives" else 18)


def test_frames_of_a_drive_that_change_together_are_not_taken_for_many():
    gains = np.random.default_rng(2).integers(-200, 200, 10)
    before = [r for k in range(10) for r in recorded(f"d{k}", frames=20, shared=500)]
    after = [r for k in range(10) for r in recorded(f"d{k}", frames=20, shared=500 + int(gains[k]))]
    own = by_name(differences((before, after)))["drivable.town.iou"]
    assert own.high - own.low == pytest.approx(2 * 1.96 * gains.std() / 1000 / np.sqrt(10), rel=0.15)


def test_unrelated_pictures_are_drawn_one_by_one():
    numbers, name = units(drive(frames=12))
    assert (len(set(numbers)), name) == (12, "frames")
    assert units(drive(frames=4))[1] == "frames"


def test_sets_of_pictures_are_no_drives():
    """Drawn as wholes, each would have its own metrics in every draw that has it: intervals of no width."""
    pictures = [r for k in range(13) for r in drive(f"set{k}", frames=4, seed=k)]
    assert (len(set(units(pictures)[0])), units(pictures)[1]) == (52, "frames")
    mixed = pictures + [r for k in range(10) for r in recorded(f"d{k}", frames=8)]
    assert (len(set(units(mixed)[0])), units(mixed)[1]) == (62, "drives and pictures")


@pytest.mark.parametrize(("cyclists", "mark"), [(1, "undecided"), (3, "undecided"), (8, "better")])
def test_what_rests_on_a_few_frames_is_undecided(cyclists, mark):
    def evaluated(found):
        hit = {"detection.town.cyclist/found": Counts("objects", np.array([found, 0, found, 1.0 - found]))}
        return [replace(r, evidence=hit if r.seq < cyclists else r.evidence) for r in drive(frames=200)]

    own = by_name(differences((evaluated(0.0), evaluated(1.0))))["detection.town.cyclist.recall"]
    assert (own.value, own.mark) == (1.0, mark)


def test_a_single_frame_says_nothing_about_sureness():
    own = differences((drive(frames=1), drive(frames=1, shared=10)))[1]["drivable"]
    assert np.isnan(own.low)
    assert own.mark == "undecided"


def test_drives_and_tags_are_compared_by_themselves():
    before = drive() + drive("sea", seed=1)
    after = [
        r if "timeofday:day" in r.tags else replace(r, evidence=record(shared=10).evidence) for r in before
    ]
    found, _ = compare(("a", before), ("b", after), times=50)
    assert set(found.drives) == {"city", "sea"}
    assert found.tags["timeofday:day"]["drivable"].mark == "undecided"
    assert found.tags["timeofday:night"]["drivable"].mark == "worse"


def test_draws_are_the_same_every_time():
    assert draws(7, 5).sum(1).tolist() == [7] * 5
    np.testing.assert_array_equal(draws(7, 5), draws(7, 5))


def test_a_task_is_the_mean_of_its_sets():
    def both(shared, other):
        more = {"drivable.sea": Counts("iou", np.array([other, 1000.0]))}
        return [replace(r, evidence={**r.evidence, **more}) for r in drive(shared=shared)]

    _, tasks = differences((both(500, 500), both(600, 400)))
    assert tasks["drivable"].value == pytest.approx(0)
    _, tasks = differences((both(500, 500), both(600, 500)))
    assert tasks["drivable"].value == pytest.approx(0.05)
    assert tasks["drivable"].mark == "better"


def test_of_few_whole_drives_nothing_is_sure():
    """Their metrics cannot be drawn second by second."""

    def told(right, drives):
        end = {"events.road.lead/told": Counts("objects", np.array([right, 1, right, 1.0]))}
        found = [recorded(f"d{k}", frames=3, seed=k) for k in range(drives)]
        return [replace(r, evidence={**r.evidence, **end}) if r.seq == 2 else r for own in found for r in own]

    few = by_name(differences((told(3, 4), told(9, 4))))["events.road.lead.precision"]
    many = by_name(differences((told(3, 12), told(9, 12))))["events.road.lead.precision"]
    assert (few.mark, many.mark) == ("undecided", "better")
    assert few.value == pytest.approx(0.9 - 0.75)


def test_a_draw_without_any_truth_is_left_out_and_not_counted_as_nothing_found():
    """Of twelve frames four have signs: every 130th draw has none of them."""

    def signs(*read):
        return [
            replace(record(seq=k), evidence={"gtsdb.sign": Counts("read", np.array(read) * (k < 4))})
            for k in range(12)
        ]

    found, tasks = differences((signs(0.0, 0, 0, 1), signs(1.0, 0, 1, 0)))
    assert {(own.value, own.low, own.high, own.mark) for own in found} == {(1, 1, 1, "better")}
    assert tasks["signs"].mark == "better"
    nothing = by_name(differences((signs(0.0, 1, 0, 0), signs(0.0, 2, 0, 0))))["gtsdb.sign.read_f1"]
    assert (nothing.value, nothing.mark) == (0, "undecided")
    assert np.isnan([nothing.low, nothing.high]).all()


def test_a_set_that_was_not_drawn_is_not_counted_as_wholly_right():
    """Its IoU would be that of nothing with nothing, which is 1."""
    records = [record(f"d{k}", shared=0) for k in range(11)]
    one = {"drivable.sea": Counts("iou", np.array([0.0, 1000.0]))}
    before = [replace(records[0], evidence=one), *records[1:]]
    after = [
        replace(r, evidence={k: Counts("iou", np.array([900.0, 1000.0]))})
        for r, k in zip(before, ["drivable.sea", *["drivable.town"] * 10], strict=True)
    ]
    assert {own.mark for own in differences((before, after))[1].values()} == {"better"}
    own = by_name(differences((before, after)))["drivable.sea.iou"]
    assert (own.value, own.mark) == (pytest.approx(0.9), "undecided"), "one frame has it"
