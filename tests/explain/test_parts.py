"""Which channels serve which task: foretold by the gradient, measured by leaving them out."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from perception.explain.parts.command import told
from perception.explain.parts.measure import MapTarget, Tally
from perception.explain.parts.page import named, page


class Halves(nn.Module):
    """One block of four channels; `left` reads the first two, the first one most, `right` the others."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
        self.trunk = nn.ModuleDict({"encoder": self.trunk})
        self.reads = {"left": torch.tensor([0.9, 0.2, 0, 0]), "right": torch.tensor([0, 0, 0.3, 0.6])}
        nn.init.constant_(self.trunk["encoder"][0].weight, 0.3)
        nn.init.zeros_(self.trunk["encoder"][0].bias)
        self.requires_grad_(False)

    def forward(self, images, tasks):
        seen = self.trunk["encoder"](images)
        return {f"{task}.map": (seen * self.reads[task][:, None, None]).sum(1) for task in tasks}


class Frames(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network = Halves()


@pytest.fixture
def found():
    tally = Tally(Frames(), ("left", "right"), groups=4)
    targets = {task: [MapTarget(f"{task}.map", torch.ones(1, 8, 8))] for task in ("left", "right")}
    tally.add(torch.ones(1, 3, 8, 8), targets)
    return tally.result()


def test_a_task_loses_what_it_reads_and_nothing_else(found):
    left, right = found.measured.T
    assert left[0] > left[1] > 0
    assert right[3] > right[2] > 0
    np.testing.assert_allclose([*left[2:], *right[:2]], 0, atol=1e-6)


def test_the_gradient_foretells_the_damage(found):
    assert found.agreement() == pytest.approx({"left": 1, "right": 1})
    assert found.foretold[0, 1] == 0
    assert found.finds == (1, 1)


def test_the_damage_is_foretold_in_points_of_the_score(found):
    np.testing.assert_allclose(found.foretold, found.measured, rtol=0.05, atol=1e-6)


def test_damage_to_what_is_sure_is_foretold():
    """At the start of the way the score of a sure find has next to no gradient."""
    frames = Frames()
    frames.network.reads = {"left": torch.tensor([12.0, 0.5, 0, 0])}
    tally = Tally(frames, ("left",), groups=4)
    target = MapTarget("left.map", torch.ones(1, 8, 8))
    tally.add(torch.ones(1, 3, 8, 8), {"left": [target]})
    big, small = tally.result().foretold[:2, 0]
    assert big > 0.2 > 100 * small


def test_each_task_has_a_part_that_matters_most(found):
    np.testing.assert_allclose(found.shared().max(0), 1)


def test_the_page_names_blocks_and_tasks(found):
    shown = page(found, 1)
    assert all(name in shown for name in ("encoder 0-0", "encoder 3-3", "left", "right", "1.00"))
    assert named("encoder.stages.1.0") == "stage 1, block 0"
    assert json.loads(json.dumps(told(found, 1)))["parts"][0]["channels"] == [0, 1]
