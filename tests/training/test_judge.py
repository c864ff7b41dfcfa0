"""A network is measured as a bundle is, whatever tasks it has."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from deploy.export import export_frames
from perception.backends.ort import OrtBackend
from perception.model.network import Network
from perception.model.specs import OUTPUTS
from perception.training.analysis.judge import judge, pipeline_of, scores
from tests.batches import smooth, trained

TASKS = ("detection", "lanes", "signs", "drivable")
SUBSETS = [tasks for count in (1, 2, 4) for tasks in combinations(TASKS, count)]


@pytest.mark.parametrize("tasks", SUBSETS, ids="-".join)
def test_every_subset_of_tasks_has_the_scores_of_its_tasks(folder, tasks):
    network = Network(tasks)
    assert set(scores(judge(network, (96, 64), folder))) == set(tasks)
    assert network.training


def test_a_network_says_the_same_as_its_bundle(folder, tmp_path):
    network = trained()
    export_frames(network, (96, 64), tmp_path / "network.onnx")
    exported = OrtBackend(tmp_path / "network.onnx", OUTPUTS["drivable"])
    pipeline = pipeline_of(network, (96, 64), {"drivable"})
    image = smooth(1, (96, 64))
    raw = {name: value.copy() for name, value in exported(image).items()}
    np.testing.assert_allclose(pipeline.backend(image)["drivable.map"], raw["drivable.map"], atol=1e-3)


def test_a_condition_of_a_set_is_no_set():
    assert scores({"drivable.a.iou": 0.5, "drivable.b.iou": 0.7, "drivable.b.night.iou": 0.1}) == {
        "drivable": pytest.approx(0.6)
    }
