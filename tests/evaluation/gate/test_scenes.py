"""The gate without labels: scenes of drives against stored ones."""

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from perception.errors import DataError, PerceptionError, SourceError
from perception.evaluation.gate.command import DIFFERS, SAME, gate
from perception.evaluation.gate.scenes import FACTS, backend_of, see, stored
from perception.evaluation.run import evaluate_drives
from perception.evaluation.seeing import REPRODUCIBLE, Settings
from tests.folders import GREY, picture


@pytest.fixture
def drive(tmp_path):
    folder = tmp_path / "drive"
    folder.mkdir()
    for k in range(3):
        cv2.imwrite(str(folder / f"{k}.png"), np.full((64, 96, 3), 40 * k, np.uint8))
    return str(folder)


@pytest.fixture
def settings(tiny_bundle):
    return Settings(replace(REPRODUCIBLE, bundle=tiny_bundle))


@pytest.fixture
def reference(drive, settings, tmp_path):
    assert gate([drive], tmp_path / "reference", settings, update=True) == SAME
    return tmp_path / "reference"


def change(path, **fields):
    """Another last frame."""
    lines = path.read_text().splitlines()
    lines[-1] = json.dumps({**json.loads(lines[-1]), **fields})
    path.write_text("\n".join(lines) + "\n")


def test_the_same_bundle_sees_the_same(drive, settings, reference, tmp_path, capsys):
    assert gate([drive], reference, settings, junit=tmp_path / "junit.xml") == SAME
    assert "drive: same" in capsys.readouterr().out
    assert 'failures="0"' in (tmp_path / "junit.xml").read_text()


def test_what_differs_is_told_and_fails(drive, settings, reference, tmp_path, capsys):
    change(reference / "drive.jsonl", drivable={"share": 0.9})
    assert gate([drive], reference, settings, junit=tmp_path / "junit.xml") == DIFFERS
    out = capsys.readouterr().out
    assert "drive: differs" in out
    assert "drivable.share: 1 of 3 beyond 0.002" in out
    assert "first in frame 2: was 0.9" in out
    assert 'failures="1"' in (tmp_path / "junit.xml").read_text()


def test_a_new_reference_is_made_on_purpose_only(drive, settings, reference):
    change(reference / "drive.jsonl", drivable={"share": 0.9})
    assert gate([drive], reference, settings) == DIFFERS
    assert gate([drive], reference, settings, update=True) == SAME
    assert gate([drive], reference, settings) == SAME


def test_data_folders_of_other_sets_are_seen_together(settings, tmp_path):
    for name in ("one", "two"):
        picture(tmp_path / name / f"set{name}/a.png", GREY)
        row = {"img": f"set{name}/a.png", "split": "val", "w": 96, "h": 64, "labelled": [], "boxes": []}
        (tmp_path / name / "det.jsonl").write_text(json.dumps(row))
    (tmp_path / "seen").mkdir()
    drives = see([f"data:{tmp_path / name}" for name in ("one", "two")], settings, tmp_path / "seen")
    assert [name for name, _ in drives] == ["setone-val", "blank-val", "settwo-val"]


def test_a_reference_holds_several_drives(drive, settings, reference, tmp_path):
    shutil.copytree(drive, tmp_path / "second")
    assert gate([str(tmp_path / "second")], reference, settings, update=True) == SAME
    assert set(json.loads((reference / FACTS).read_text())) == {"drive", "second"}
    assert gate([drive, str(tmp_path / "second")], reference, settings) == SAME


def test_if_a_drive_cannot_be_read_the_reference_stays(drive, settings, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    with pytest.raises(SourceError, match=r"bad\.mp4"):
        gate([drive, str(tmp_path / "bad.mp4")], tmp_path / "reference", settings, update=True)
    assert not (tmp_path / "reference").exists()


def test_scenes_of_another_backend_may_differ_more(drive, settings, reference):
    was = float(json.loads((reference / "drive.jsonl").read_text().splitlines()[-1])["drivable"]["share"])
    change(reference / "drive.jsonl", drivable={"share": was + 0.01})
    assert gate([drive], reference, settings) == DIFFERS
    facts = json.loads((reference / FACTS).read_text())
    facts["drive"]["backend"] = "cuda.trt.int8"
    (reference / FACTS).write_text(json.dumps(facts))
    assert gate([drive], reference, settings) == SAME


def test_without_a_reference_nothing_can_be_judged(drive, settings, tmp_path):
    with pytest.raises(DataError, match=r"expected stored scenes drive\.jsonl, got no such folder"):
        gate([drive], tmp_path / "none", settings)
    with pytest.raises(PerceptionError, match="by metrics or scenes"):
        gate([drive], tmp_path / "none", settings, by="taste")


def test_damaged_facts_and_tolerances_are_named(drive, settings, reference, tmp_path):
    (tmp_path / "own.json").write_text("[")
    with pytest.raises(DataError, match=r"own\.json"):
        gate([drive], reference, settings, tolerances=tmp_path / "own.json")
    (reference / FACTS).write_text("[1]")
    with pytest.raises(DataError, match=r"reference\.json"):
        gate([drive], reference, settings)


def test_scenes_of_perception_run_serve_for_one_drive(drive, settings, reference):
    (reference / "drive.jsonl").rename(reference / "scenes.jsonl")
    assert gate([drive], reference, settings) == SAME
    with pytest.raises(DataError):
        stored(reference, "drive", alone=False)


def test_labelled_pictures_are_seen_set_by_set_and_names_must_differ(folder, settings, tmp_path):
    names = [name for name, _ in see([f"data:{folder}:val"], settings, tmp_path / "out")]
    assert {"town-val", "camvid-val"} <= set(names)
    with pytest.raises(DataError, match="different names"):
        list(see([f"data:{folder}:val"] * 2, settings, tmp_path / "out"))


def test_the_scenes_of_an_evaluation_are_those_of_what_computed_them(settings, tmp_path):
    evaluate_drives(["synthetic:7:1"], settings, out=tmp_path)
    assert backend_of(tmp_path / "scenes", "synthetic-7-1", "cuda.fp16") == "cpu.int8"
