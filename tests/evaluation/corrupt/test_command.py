"""`perception evaluate --corrupt` on a small bundle and a small data folder."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from perception.cli import app
from perception.drives.record import Settings as Recording
from perception.drives.record import record
from perception.errors import DataError, PerceptionError
from perception.evaluation.command import Way
from perception.evaluation.corrupt.command import Asked, corrupt
from perception.evaluation.corrupt.drives import NOTICED, WHOLE, Condition, complaints, parsed, stills, under
from perception.evaluation.replay import Pace
from perception.evaluation.run import Settings, open_drives
from perception.evaluation.seeing import REPRODUCIBLE

FOG = Asked(("fog",), (1, 5))


@pytest.fixture
def settings(tiny_bundle):
    return Settings(replace(REPRODUCIBLE, bundle=tiny_bundle, precision="fp32"))


def test_every_task_has_its_share_under_each_corruption(folder, tiny_bundle, tmp_path):
    path = tmp_path / "r.json"
    words = ["--data", folder, "--corrupt", "jpeg,rain", "--severities", "2,4", "--limit", 1, "--json", path]
    done = CliRunner().invoke(
        app, ["evaluate", *map(str, words), "--bundle", str(tiny_bundle), "--workers", "1"]
    )
    assert done.exit_code == 0, done.output
    found = json.loads(path.read_text())
    assert list(found["tasks"]["drivable"]["corruptions"]) == ["jpeg", "rain"]
    assert found["metrics"]["rain"].keys() == {"2", "4"}
    assert found["metrics"]["clean"].keys() == found["metrics"]["rain"]["2"].keys()
    assert "breaks first" in done.output


def test_what_the_checks_of_a_camera_notice_is_told(folder, settings, tmp_path):
    asked = Asked(("brightness", "underexposed"), (5,))
    corrupt([f"data:{folder}:val"], settings, asked, json_path=tmp_path / "r.json")
    noticed = json.loads((tmp_path / "r.json").read_text())["noticed"]
    assert noticed["brightness"]["5"] <= noticed["underexposed"]["5"] == 1.0


def test_a_dark_picture_is_complained_of_and_a_road_is_not():
    blocks = np.random.default_rng(0).integers(0, 255, (12, 20, 3), np.uint8)
    road = blocks.repeat(8, 0).repeat(8, 1)
    assert complaints(road) == [WHOLE]
    assert complaints(road // 16) == [WHOLE, NOTICED + "black"]


def test_a_folder_gets_the_numbers_and_a_page_with_pictures(folder, settings, tmp_path):
    assert corrupt([f"data:{folder}:val"], settings, FOG, Way(out=tmp_path / "out")) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"robustness.json", "robustness.html"}
    page = (tmp_path / "out" / "robustness.html").read_text()
    assert page.count("data:image/jpeg") == 2
    assert "background:rgba(" in page


def test_workers_change_nothing(folder, settings, tmp_path):
    found = []
    for workers in (1, 2):
        corrupt([f"data:{folder}:val"], settings, FOG, Way(workers), tmp_path / "r.json")
        found.append(json.loads((tmp_path / "r.json").read_text())["metrics"])
    assert found[0] == found[1]


def test_a_picture_is_corrupted_alike_in_whatever_part_it_comes(folder):
    clean = stills(open_drives([f"data:{folder}:val"]))[0]
    drive = under(Condition("snow", 3), clean)
    alone = [frame for part in drive.parts(1) for frame, _ in part]
    for (frame, _truth), other in zip(drive, alone, strict=True):
        assert (frame.image == other.image).all()
    assert (next(iter(clean))[0].image != alone[0].image).any()


def test_recorded_drives_are_refused(settings, tmp_path):
    record("synthetic:7:1", tmp_path / "town.mcap", Recording(truth=True, results=False))
    with pytest.raises(DataError, match="town: expected unrelated labelled pictures, got a recorded"):
        corrupt([str(tmp_path / "town.mcap")], settings, FOG)


def test_pictures_have_no_pace(folder, settings):
    with pytest.raises(PerceptionError, match="pictures have no clock"):
        corrupt([f"data:{folder}:val"], replace(settings, pace=Pace.parse("80")), FOG)


def test_a_picture_that_cannot_be_read_ends_it(folder, settings):
    (folder / "idd/images/i1.png").unlink()
    with pytest.raises(DataError, match="idd-val: expected every picture to be seen"):
        corrupt([f"data:{folder}:val"], settings, FOG)


@pytest.mark.parametrize("text", ["", "0", "1,6", "two"])
def test_severities_are_numbers_from_one_to_five(text):
    with pytest.raises(PerceptionError, match="numbers from 1 to 5"):
        parsed(text)
    assert parsed("5, 1,5") == (1, 5)


def test_severities_without_corruptions_are_refused(folder):
    done = CliRunner().invoke(app, ["evaluate", "--data", str(folder), "--severities", "3"])
    assert (done.exit_code, "expected --corrupt with it" in done.output) == (2, True)


def test_confidence_is_judged_where_its_stage_runs(folder, settings, tmp_path):
    sure = replace(settings, pipeline=replace(settings.pipeline, stages=("confidence",)))
    corrupt([f"data:{folder}:val"], sure, FOG, Way(out=tmp_path / "out"))
    found = json.loads((tmp_path / "out" / "robustness.json").read_text())["confidence"]
    assert found["drivable"]["aurc"].keys() == {"constant", "max_probability", "confidence", "best"}
    assert "risk-coverage curve" in (tmp_path / "out" / "robustness.html").read_text()
