"""From a checkpoint to a bundle that loads and sees."""

from __future__ import annotations

from dataclasses import asdict, replace

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from deploy.command import quantize
from perception import Frame, load
from perception.bundle import read
from perception.cli import FAILED, app
from perception.model.network import Network
from perception.model.shape import Shape
from perception.training.config import Config
from perception.training.data.licences import ORIGINS
from perception.training.ledger import Row, to_csv
from tests.batches import SIZE, smooth, trained


def stored(network, path, rows=()):
    """A checkpoint of `network`, which has learnt from `rows`."""
    state = network.state_dict()
    shape = asdict(network.trunk.shape)
    config = replace(Config(), size=SIZE, tasks=tuple(network.heads), shape=shape).to_json()
    saved = {"network": state, "ema": state, "optimizer": {}, "step": 1, "config": config}
    saved |= {"ledger": to_csv(rows)} if rows else {}
    torch.save(saved, path)
    return path


@pytest.fixture
def checkpoint(tmp_path):
    return stored(trained(3), tmp_path / "checkpoint.pt")


@pytest.fixture
def folder(folder):
    """With pictures that 8 bits can tell apart."""
    for path in (*folder.rglob("images/*.png"), *folder.glob("signs/*.png")):
        cv2.imwrite(str(path), smooth(1, (96, 64), len(path.name))[0])
    return folder


def export(checkpoint, data, out):
    return CliRunner().invoke(app, ["export", str(checkpoint), "--data", str(data), "--out", str(out)])


def test_the_command_makes_a_bundle_that_sees(checkpoint, folder, tmp_path):
    result = export(checkpoint, folder, tmp_path / "bundle")
    assert result.exit_code == 0, result.output
    spec = read(tmp_path / "bundle")
    assert spec.input_size == SIZE
    assert spec.shapes["lanes.map"] == (1, 32, 8, 12)
    assert spec.shapes["signs.logits"] == (None, 43)
    assert set(spec.shapes) == {name for task in spec.tasks.values() for name in task.outputs}
    assert set(spec.info["parity"]["int8"]) == set(spec.shapes)
    scene = load(tmp_path / "bundle", threads=1)(Frame(np.full((72, 128, 3), 90, np.uint8), 0, 0))
    assert None not in (scene.detections, scene.lanes, scene.signs, scene.drivable)
    assert "96 x 64" in result.output


def test_a_bundle_is_named_after_its_run_and_counts_the_pictures_it_was_calibrated_on(folder, tmp_path):
    run = tmp_path / "yard 3"
    run.mkdir()
    assert export(stored(Network(["lanes"]), run / "c.pt"), folder, tmp_path / "out").exit_code == 0
    spec = read(tmp_path / "out")
    assert spec.name == "yard-3"
    assert 0 < spec.info["calibration_images"] < 15  # 192 were drawn of them


def test_which_weights_of_a_run_are_exported_is_told(folder, tmp_path):
    for name in ("best.pt", "checkpoint.pt"):
        stored(Network(["lanes"]), tmp_path / name)
    result = export(tmp_path, folder, tmp_path / "out")
    assert "best.pt: the best weights on val, of step 1 of 1" in result.output


def test_a_folder_with_files_is_left_alone(checkpoint, folder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/README.md").write_text("three days of work")
    result = export(checkpoint, folder, tmp_path / "mine")
    assert result.exit_code == FAILED
    assert "expected a new or an empty folder" in result.stderr
    assert [path.read_text() for path in (tmp_path / "mine").iterdir()] == ["three days of work"]


def test_nothing_is_written_without_pictures_to_calibrate_on(checkpoint, tmp_path):
    (tmp_path / "empty").mkdir()
    result = export(checkpoint, tmp_path / "empty", tmp_path / "bundle")
    assert result.exit_code == FAILED
    assert "expected a labelled drive" in result.stderr
    assert not (tmp_path / "bundle").exists()


def test_what_is_no_checkpoint_is_one_line(folder, tmp_path):
    (tmp_path / "notes.pt").write_text("no checkpoint")
    result = export(tmp_path / "notes.pt", folder, tmp_path / "bundle")
    assert result.exit_code == FAILED
    assert "expected a checkpoint of this project" in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(("source", "use"), [("gtsdb", "commercial"), ("idd", "research")])
def test_the_ledger_goes_along_and_says_what_the_bundle_may_be_used_for(folder, tmp_path, source, use):
    row = Row(f"{source}/images/g.png", source, ORIGINS[source].licence, "detection", "weak")
    result = export(stored(Network(["lanes"]), tmp_path / "c.pt", [row]), folder, tmp_path / "out")
    assert result.exit_code == 0, result.output
    spec = read(tmp_path / "out")
    assert (tmp_path / "out/ledger.csv").read_text() == to_csv([row])
    assert spec.info["ledger"]["commercial"] == (use == "commercial")
    assert spec.info["licence"].startswith(use)
    assert f"commercial use: {'yes' if use == 'commercial' else 'no'}" in result.output


def test_a_bundle_without_a_ledger_says_so(folder, tmp_path):
    result = export(stored(Network(["lanes"]), tmp_path / "c.pt"), folder, tmp_path / "out")
    assert "ledger: none" in result.output
    assert "ledger" not in read(tmp_path / "out").info
    assert read(tmp_path / "out").info["licence"].startswith("research")


def test_an_open_bundle_is_calibrated_on_open_pictures(folder, tmp_path):
    row = Row("gtsdb/images/g.png", "gtsdb", ORIGINS["gtsdb"].licence, "lanes", "")
    for path in (folder / "camvid/images").iterdir():
        path.write_text("nobody can read this")
    result = export(stored(Network(["lanes"]), tmp_path / "c.pt", [row]), folder, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert (
        "commercial" in quantize(tmp_path / "out", tmp_path / "all", [str(folder)], count=2).info["licence"]
    )
    assert (tmp_path / "all/ledger.csv").read_text() == to_csv([row])


@pytest.mark.parametrize("tasks", [("lanes",), ("detection", "signs")])
def test_a_network_of_some_tasks_is_a_bundle_of_these(folder, tmp_path, tasks):
    result = export(stored(Network(tasks), tmp_path / "some.pt"), folder, tmp_path / "some")
    assert result.exit_code == 0, result.output
    assert set(read(tmp_path / "some").tasks) == set(tasks)
    scene = load(tmp_path / "some", threads=1)(Frame(np.full((72, 128, 3), 90, np.uint8), 0, 0))
    assert (scene.lanes is None, scene.signs is None) == ("lanes" not in tasks, "signs" not in tasks)


def test_a_network_of_another_shape_is_a_bundle_too(folder, tmp_path):
    network = Network(("lanes",), shape=Shape((16, 32, 32, 48), (1, 1, 2, 1), 32))
    result = export(stored(network, tmp_path / "small.pt"), folder, tmp_path / "small")
    assert result.exit_code == 0, result.output
    assert (
        load(tmp_path / "small", threads=1)(Frame(np.zeros((72, 128, 3), np.uint8), 0, 0)).lanes is not None
    )


@pytest.mark.parametrize("tasks", [("signs",), ("signs", "lanes")])
def test_signs_cannot_be_read_where_none_are_found(folder, tmp_path, tasks):
    result = export(stored(Network(tasks), tmp_path / "some.pt"), folder, tmp_path / "some")
    assert result.exit_code == FAILED
    assert "detects the signs that it reads" in result.stderr.replace("\n", " ")
