"""The bundles that come with the package: whole, small enough, and what their licences and cards say."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

import perception
from perception import bundle
from perception.synthetic import World, default_camera
from perception.training import ledger

MAY_BE_SOLD = {"road": False, "road-open": True}
MOST_BYTES = 8_000_000


def test_those_that_there_are():
    assert set(bundle.packaged()) == set(MAY_BE_SOLD)


@pytest.mark.parametrize(("name", "may_be_sold"), MAY_BE_SOLD.items())
def test_commercial_use_is_what_every_row_of_the_ledger_allows(name, may_be_sold):
    folder = bundle.folder(name)
    rows = ledger.of_bundle(folder)
    assert len(rows) > 1000
    assert (not ledger.closed(rows)) == may_be_sold
    assert bundle.read(folder).info[bundle.LEDGER_INFO]["commercial"] == may_be_sold
    card = (folder / "README.md").read_text()
    assert ("may be used commercially" in card, "non-commercial purposes only" in card) == (
        may_be_sold,
        not may_be_sold,
    )


@pytest.mark.parametrize("name", MAY_BE_SOLD)
def test_all_tasks_and_precisions_of_one_size(name):
    folder = bundle.folder(name)
    spec, road = bundle.read(folder), bundle.read(bundle.SHIPPED)
    assert spec.name == name
    assert {task: said.classes for task, said in spec.tasks.items()} == {
        task: said.classes for task, said in road.tasks.items()
    }
    assert spec.files.keys() == road.files.keys()
    assert (folder / "README.md").read_text().startswith(f"# Model card: {name} {spec.version}\n")
    assert sum(path.stat().st_size for path in folder.iterdir()) <= MOST_BYTES


@pytest.mark.parametrize("name", MAY_BE_SOLD)
def test_roads_vehicles_and_lines_of_rendered_scenes_are_seen(name):
    pipeline = perception.load(name, device="cpu", runtime="onnxruntime")
    inside, union, vehicles, lines = 0, 0, 0, 0
    for seed in range(900, 906):
        made = World(seed, default_camera()).render(2.0)
        scene = pipeline(made.frame)
        truth = made.truth.drivable.labels > 0
        road = cv2.resize(scene.drivable.labels, truth.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        inside, union = inside + np.sum(road & truth), union + np.sum(road | truth)
        vehicles += int(np.sum(scene.detections.class_id == 0))
        lines += len(scene.lanes)
    assert inside / union > 0.9
    assert vehicles >= 6
    assert lines >= 12


def test_the_card_has_the_metrics_that_were_measured():
    """As in docs/results, which the pages are written from."""
    root = bundle.PACKAGED.parents[1]
    for name, prefix in (("road", "val"), ("road-open", "open")):
        said = bundle.read(bundle.folder(name)).info["metrics"]
        for precision, own in said.items():
            kept = json.loads((root / f"docs/results/{prefix}-{precision}.json").read_text())["metrics"]
            assert own == {key: round(value, 6) for key, value in kept.items()}
