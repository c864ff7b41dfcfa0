"""The gate by metrics, on a small bundle and labelled pictures."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from perception.errors import DataError
from perception.evaluation.gate.command import DIFFERS, SAME, gate
from perception.evaluation.results import read_result
from perception.evaluation.seeing import REPRODUCIBLE, Settings


@pytest.fixture
def data(folder):
    return f"data:{folder}:val"


@pytest.fixture
def settings(tiny_bundle):
    return Settings(replace(REPRODUCIBLE, bundle=tiny_bundle))


@pytest.fixture
def reference(data, settings, tmp_path):
    assert gate([data], tmp_path / "reference", settings, by="metrics", update=True) == SAME
    return tmp_path / "reference"


def test_the_same_bundle_passes(data, settings, reference, tmp_path, capsys):
    assert gate([data], reference, settings, junit=tmp_path / "junit.xml") == SAME
    assert "0 failed" in capsys.readouterr().out
    assert 'name="drivable.camvid.iou"' in (tmp_path / "junit.xml").read_text()


def test_a_metric_that_fell_fails(data, settings, reference, monkeypatch, capsys):
    """As the tiny bundle sees nothing, the task that is gone stands for one that got worse."""
    blind = replace(settings, pipeline=replace(settings.pipeline, tasks=("lanes",)))
    assert gate([data], reference, blind) == DIFFERS
    assert "worse drivable.camvid.iou" in capsys.readouterr().out


def test_other_frames_cannot_be_judged(data, settings, reference, folder):
    with pytest.raises(DataError, match="expected the frames of the reference, got 1 others and"):
        gate(["synthetic:7:1"], reference, settings)


def test_the_scenes_of_an_evaluation_serve_as_well(data, settings, reference, capsys):
    assert gate([data], reference, settings, by="scenes") == SAME
    assert "camvid-val: same" in capsys.readouterr().out


def test_a_new_evaluation_takes_the_place_of_the_reference(settings, reference, capsys):
    assert gate(["synthetic:7:1"], reference, settings, update=True) == SAME
    assert "the reference is new" in capsys.readouterr().out
    assert json.loads((reference / "result.json").read_text())["facts"]["sources"] == ["synthetic:7:1"]


def labelled(folder, count=1):
    """Pictures without objects."""
    (folder / "images").mkdir(parents=True)
    images = [{"id": k, "file_name": f"{k}.png", "width": 64, "height": 48} for k in range(count)]
    for image in images:
        cv2.imwrite(str(folder / "images" / image["file_name"]), np.full((48, 64, 3), 90, np.uint8))
    table = {"images": images, "categories": [{"id": 1, "name": "car"}], "annotations": []}
    (folder / "labels.json").write_text(json.dumps(table))
    return f"coco:{folder / 'labels.json'}"


def test_a_drive_that_fails_leaves_the_reference_as_it_was(settings, reference, tmp_path):
    def content():
        return {path: path.read_bytes() for path in reference.rglob("*") if path.is_file()}

    before, bad = content(), labelled(tmp_path / "bad")
    (tmp_path / "bad/images/0.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="expected an image"):
        gate(["synthetic:7:1", bad], reference, settings, update=True)
    assert content() == before
    assert not list(reference.glob(".*"))


def test_a_reference_with_a_limit_is_not_one_of_other_pictures(settings, tmp_path):
    drive = labelled(tmp_path / "drive", 4)
    first = replace(settings, limit=2)
    assert gate([drive], tmp_path / "new", first, by="metrics", update=True) == SAME
    (tmp_path / "drive/images/0.png").rename(tmp_path / "drive/images/9.png")
    text = (tmp_path / "drive/labels.json").read_text()
    (tmp_path / "drive/labels.json").write_text(text.replace('"0.png"', '"9.png"'))
    with pytest.raises(DataError, match=r"got 1 others and 1 are missing"):
        gate([drive], tmp_path / "new", first)


def test_as_many_pictures_are_looked_at_as_for_the_reference(data, settings, tmp_path):
    assert gate([data], tmp_path / "few", replace(settings, limit=1), by="metrics", update=True) == SAME
    assert gate([data], tmp_path / "few", settings) == SAME
    gate([data], tmp_path / "all", settings, by="metrics", update=True)
    few, every = (len(read_result(tmp_path / name).records) for name in ("few", "all"))
    assert few < every


def test_what_the_gate_does_not_heed_is_refused(settings, reference, tmp_path):
    with pytest.raises(DataError, match="--tolerances: expected a gate by scenes, got one by metrics"):
        gate(["synthetic:7:1"], reference, settings, tolerances=tmp_path / "missing.json")
    with pytest.raises(DataError, match="--tolerance: expected a gate by metrics, got one by scenes"):
        gate(["synthetic:7:1"], reference, settings, tolerance=0.2, by="scenes")


def test_a_gate_without_checks_fails(settings, tmp_path):
    name = labelled(tmp_path)
    unlabelled = replace(settings.pipeline, tasks=("lanes",))
    lanes = replace(settings, pipeline=unlabelled)
    gate([name], tmp_path / "reference", lanes, by="metrics", update=True)
    with pytest.raises(DataError, match="got no metric in common"):
        gate([name], tmp_path / "reference", lanes)
