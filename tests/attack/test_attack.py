"""Attacks stay within their reach, drive their goal up, and are counted."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from perception.attack.goals import error, goal_of, sureness
from perception.attack.measure import BLIND, SURE, Seen, Trial, summary
from perception.attack.pgd import drawn, pgd
from perception.bundle import TaskSpec
from perception.convention import STRIDES
from perception.tasks.signs import SIGN
from perception.types import Frame

IMAGE = torch.full((1, 3, 4, 6), 100.0)


def begin():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("epsilon", [2, 8])
def test_every_value_goes_as_far_as_it_may(epsilon):
    change = pgd(lambda image: image.sum(), IMAGE, epsilon, 10, begin()) - IMAGE
    torch.testing.assert_close(change, torch.full_like(IMAGE, epsilon))


def test_where_nothing_is_better_the_picture_stays():
    found = pgd(lambda image: -(image - IMAGE).abs().sum(), IMAGE, 8, 5, begin())
    torch.testing.assert_close(found, IMAGE)


def test_values_stay_grey_levels():
    bright = torch.full((1, 3, 4, 6), 254.0)
    assert float(pgd(lambda image: image.sum(), bright, 8, 5, begin()).max()) == 255
    assert float(drawn(bright, 8, begin()).max()) == 255


def test_losing_what_was_there_and_inventing_what_was_not_are_errors():
    near = torch.tensor([True, False, False])
    values = [error(torch.tensor(cells), near, 1) for cells in ([3.0, -3, -3], [-3.0, -3, -3], [-3.0, 3, -3])]
    assert values[0] < values[1] < values[2] < 0
    torch.testing.assert_close(error(torch.tensor([-99.0, 99, -3]), near, 1), torch.tensor(0.0))


def test_a_map_that_is_full_has_no_elsewhere():
    near, sure = torch.tensor([True, True]), torch.tensor([9.0, 9.0])
    assert error(sure, near, 2) < error(-sure, near, 2) < 0
    torch.testing.assert_close(error(torch.tensor([-99.0, -99]), near, 2), torch.tensor(0.0))


def test_what_is_far_from_the_threshold_looks_sure():
    assert float(sureness(torch.tensor([9.0, 9.0, -9.0]))) == pytest.approx(1, abs=1e-3)
    assert sureness(torch.tensor([0.2, -0.2, -9.0])) < 0.6
    assert float(sureness(torch.tensor([-9.0, -9.0]))) == 0


SPECS = {
    "detection": TaskSpec(
        "detection", ("vehicle", SIGN), (), settings={"threshold": dict.fromkeys(("vehicle", SIGN), 0.5)}
    ),
    "drivable": TaskSpec("drivable", ("drivable",), ()),
}


def seen(image, tasks):
    """A black picture shows a vehicle, any other one a sign on the road, which fills the lower half."""
    found = {f"detection.scores{s}": torch.full((1, 2, 64 // s, 64 // s), -5.0) for s in STRIDES}
    at = (0, 0, 1, 1) if image.max() == 0 else (0, 1, 6, 3)
    found["detection.scores8"][at] = 5.0
    area = torch.full((1, 4, 8, 8), -5.0)
    area[:, :, 4:] = 5.0
    return {**found, "drivable.map": area}


@pytest.mark.parametrize(
    ("aware", "stages", "counts"),
    [(False, ["consistent"], True), (True, [], True), (True, ["consistent"], False)],
)
def test_who_knows_of_the_defence_gains_nothing_by_a_sign_on_the_road(aware, stages, counts):
    pipeline = SimpleNamespace(stages=[SimpleNamespace(name=name) for name in stages])
    known = SimpleNamespace(pipeline=pipeline, specs=SPECS, outputs=seen)
    frame = Frame(np.zeros((64, 64, 3), np.uint8), 0, 0)
    wrong = goal_of(known, "detection", frame, aware)(IMAGE)
    assert (float(wrong.error) > -1) == counts


def trial(blind, sure):
    return Trial(Seen(0.8, 0.9), {None: Seen(0.8, 0.9), BLIND: Seen(*blind), SURE: Seen(*sure)})


def test_a_broken_answer_that_looks_unsure_is_withheld():
    trials = [trial((0.1, 0.2), (0.3, 0.9)), trial((0.1, 0.2), (0.7, 0.9)), trial((0.5, 0.9), (0.6, 0.9))]
    (row,) = summary({("lanes", 4): trials, ("drivable", 4): []})
    shares = [row[name]["value"] for name in ("chance", "broken", "blind", "adaptive")]
    assert shares == pytest.approx([0, 2 / 3, 0, 1 / 3], abs=1e-4)
    assert (row["chance"]["low"], row["chance"]["high"]) == (0, pytest.approx(0.5615, abs=1e-4))
    assert row["attacked"] == pytest.approx((0.1 + 0.1 + 0.5) / 3, abs=1e-4)
