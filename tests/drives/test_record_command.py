"""`perception record` and `perception info DRIVE`."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from perception.bundle import TaskSpec
from perception.config import PipelineConfig
from perception.drives.info import drive_info, is_drive, show
from perception.drives.record import Settings, record, with_truth
from perception.errors import PerceptionError, SourceError
from perception.labels.synthetic import asked
from perception.sources.drive import Drive
from perception.synthetic import World
from perception.tasks import lanes
from perception.tasks.detection import CLASSES
from tests.sources.bags import calibration, mount, raw, write_mcap
from tests.sources.clips import cut

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    out = tmp_path_factory.mktemp("drives") / "town.mcap"
    outcome = record("synthetic:7:3", out, Settings(truth=True, results=False))
    assert (outcome.answered, outcome.lost) == (3, 0)
    return out


def test_a_rendered_drive_is_recorded_with_its_truth(labelled):
    pairs = list(Drive(labelled).labelled())
    for k, (frame, truth) in enumerate(pairs):
        rendered = World(7).render(k / 20)
        want = asked(rendered, CLASSES)
        assert frame.stamp_ns == truth.stamp_ns == rendered.frame.stamp_ns
        assert np.abs(frame.image.astype(int) - rendered.frame.image).mean() < 1.5
        np.testing.assert_array_equal(truth.detections.score, want.detections.score)
        assert len(truth.lanes) == len(want.lanes)
    assert len(pairs) == 3


def test_unrelated_images_are_no_drive(tmp_path):
    """Read again, they would lie a nanosecond apart, and things would move from one to the next."""
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(SourceError, match="unrelated images"):
        record(str(tmp_path), tmp_path / "a.mcap", Settings(results=False))
    (tmp_path / "timestamps.csv").write_text("1.00\n1.05\n")
    record(str(tmp_path), tmp_path / "a.mcap", Settings(results=False))
    assert [frame.stamp_ns for frame in Drive(tmp_path / "a.mcap")] == [1_000_000_000, 1_050_000_000]


def test_the_metadata_lets_one_compute_it_again(labelled):
    facts = drive_info(labelled)["metadata"]["perception"]
    assert facts["source"] == "synthetic:7:3"
    assert len(facts["code_sha256"]) == len(facts["config_sha256"]) == 64
    assert set(map(len, json.loads(facts["sha256"]).values())) == {64}


def test_a_bundle_records_its_results(tiny_bundle, tmp_path):
    record(
        "synthetic:7:2",
        tmp_path / "a.mcap",
        Settings(PipelineConfig(tiny_bundle, tasks=("lanes", "drivable"))),
    )
    topics = drive_info(tmp_path / "a.mcap")["topics"]
    results = {name: facts["count"] for name, facts in topics.items() if name.startswith("/perception")}
    assert results == {"/perception/lanes": 2, "/perception/drivable_mask": 2}


def test_truth_names_kinds_of_lines_that_an_older_bundle_does_not_know():
    assert with_truth(TaskSpec("lanes", lanes.CLASSES[:3], ())).classes == lanes.CLASSES
    with pytest.raises(PerceptionError, match=r"expected the lanes classes .* got \('solid',\)"):
        with_truth(TaskSpec("lanes", ("solid",), ()))


def test_how_pictures_were_seen_is_recorded(tiny_bundle, tmp_path):
    seen_as = PipelineConfig(tiny_bundle, tasks=("drivable",), input_size="96x64", crop="0,0,1,0.5")
    record("synthetic:7:1", tmp_path / "a.mcap", Settings(seen_as))
    config = drive_info(tmp_path / "a.mcap")["metadata"]["perception"]
    assert (config["input_size"], config["crop"]) == ("96x64", "0,0,1,0.5")


def test_truth_is_known_of_rendered_scenes_only(tmp_path):
    path = write_mcap(tmp_path / "bag", [raw(0)])
    with pytest.raises(PerceptionError, match="expected rendered scenes"):
        record(str(path), tmp_path / "a.mcap", Settings(truth=True))


def test_info_tells_rates_gaps_and_cameras(tmp_path):
    path = write_mcap(tmp_path / "bag", [mount(), calibration(), *(raw(k) for k in (0, 1, 2, 3, 9, 10))])
    info = drive_info(path)
    facts = info["topics"]["/front/image_raw"]
    assert (facts["count"], facts["gaps"], facts["longest_gap_s"]) == (6, 1, 0.3)
    assert (facts["rate"], info["duration_s"]) == (10, 0.5)
    assert facts["camera"]["height"] == 1.5
    assert json.dumps(info)
    assert is_drive(path)
    assert not is_drive(tmp_path)


def test_info_shows_what_is_wrong(tmp_path, labelled):
    path = tmp_path / "a.mcap"
    path.write_bytes(labelled.read_bytes())
    console = Console(record=True, width=200)
    show(drive_info(cut(path, 0.9)), console)
    text = console.export_text()
    assert "/camera/image/compressed" in text
    assert "not closed or cut off behind byte" in text


RECORDING = """
import sys
from pathlib import Path
from perception.config import PipelineConfig
from perception.drives.record import Settings, record, with_truth
outcome = record("synthetic:7:5000", Path(sys.argv[1]), Settings(results=False))
sys.exit(7 if outcome.interrupted else 0)
"""


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_the_file(tmp_path, number):
    process = subprocess.Popen([sys.executable, "-c", RECORDING, str(tmp_path / "a.mcap")], cwd=ROOT)
    part, deadline = tmp_path / "a.mcap.part", time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 300_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(60) == 7
    assert [p.name for p in tmp_path.iterdir()] == ["a.mcap"]
    assert len(list(Drive(tmp_path / "a.mcap"))) > 1


@pytest.mark.parametrize("package", ["rosbags", "mcap"])
@pytest.mark.parametrize("code", ["Drive(path)", "DriveRecorder(path + '.new', ())"])
def test_a_package_that_is_not_installed_is_named(labelled, package, code):
    setup = f"import sys; sys.modules[{package!r}] = None; path = {str(labelled)!r}; "
    imports = "from perception.sources.drive import Drive; from perception.sinks import DriveRecorder; "
    done = subprocess.run(
        [sys.executable, "-c", setup + imports + code], cwd=ROOT, capture_output=True, text=True
    )
    assert "PerceptionError: recorded drives need packages" in done.stderr
    assert "pip install 'perception[drives]'" in done.stderr
