"""One result, whoever does the work; what is left on the disk, and what is not."""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from perception.errors import DataError, SinkError
from perception.evaluation.measure import evaluate
from perception.evaluation.replay import Pace, canonical
from perception.evaluation.results import SceneFiles, read_result
from perception.evaluation.run import Settings, collect, evaluate_drives, evaluate_labelled, open_drives
from perception.evaluation.seeing import REPRODUCIBLE
from perception.evaluation.work import Piece, Unit
from perception.outputs import locked
from tests.evaluation.workers import Clip
from tests.folders import GREY, picture

DRIVES = (Clip("day", 12), Clip("night", 5), Clip("dusk", 3))


@pytest.fixture
def settings(tiny_bundle):
    return Settings(replace(REPRODUCIBLE, bundle=tiny_bundle, precision="fp32"))


def scenes(out):
    """Drive to its lines without time fields."""
    return {
        path.name: [canonical(line) for line in path.read_bytes().splitlines()]
        for path in (out / "scenes").iterdir()
    }


def untimed(out):
    """What result.json says beside times and ways to do the work."""
    result = json.loads((out / "result.json").read_text())
    return result["metrics_by"], result["facts"]["drives"], result["facts"]["failed"]


def test_processes_write_what_one_writes(folder, settings, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    texts = [f"data:{folder}:val", "synthetic:3:2"]
    evaluate_drives(texts, settings, 1, out=one)
    evaluate_drives(texts, settings, 2, out=two)
    assert scenes(one) == scenes(two)
    assert sum(map(len, scenes(one).values())) == 10 + 2 + 2 + 11 + 2  # the third: what is no sign
    assert untimed(one) == untimed(two)
    assert (one / "counts.parquet").read_bytes() == (two / "counts.parquet").read_bytes()
    assert {path.name for path in two.iterdir()} == {path.name for path in one.iterdir()}


def test_the_metrics_are_those_of_the_data_folder(folder, settings):
    metrics = evaluate_drives([f"data:{folder}:val"], settings).metrics
    expected = evaluate(settings.pipeline.load(), folder, "val")
    assert {name: metrics[name] for name in expected} == pytest.approx(expected)


def test_parts_that_come_in_any_order_are_put_in_order(tmp_path):
    parts = [Unit(0, part, None) for part in range(3)]
    pieces = [
        piece
        for part in (2, 0, 1)
        for piece in (
            Piece(0, part, (f"{part}a",), b"%da\n" % part),
            Piece(0, part, (f"{part}b",), b"%db\n" % part, last=True),
        )
    ]
    seen = collect(iter(pieces), parts, SceneFiles(tmp_path, ["drive"]), lambda *numbers: None)
    assert seen[0].in_order() == ["0a", "0b", "1a", "1b", "2a", "2b"]
    assert (tmp_path / "drive.jsonl").read_text().split() == seen[0].in_order()


def test_what_a_device_would_not_do_is_not_timed(settings):
    result = evaluate_labelled([Clip("day", 1)], settings)
    stages = {"preprocess", "network", "detection", "lanes", "signs", "drivable"}
    assert result.records[0].timing_ms.keys() == stages


def test_metrics_are_told_by_drive_and_by_tag(settings, tmp_path):
    evaluate_labelled(DRIVES, settings, out=tmp_path)
    result = json.loads((tmp_path / "result.json").read_text())
    metrics = result["metrics_by"]
    assert metrics["drives"].keys() == {"day", "night", "dusk"}
    assert metrics["tags"].keys() == {"timeofday:day", "timeofday:night"}
    assert result["metrics"].keys() == metrics["drives"]["dusk"].keys()
    shares = {f"drivable.town.{what}" for what in ("iou", "precision", "recall")}
    assert result["metrics"].keys() == {*shares, "flicker.town.flips"}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_drive_that_fails_is_named_and_leaves_nothing(workers, settings, tmp_path):
    result = evaluate_labelled([Clip("cut", 30, bad=25), Clip("good")], settings, workers, out=tmp_path)
    assert result.failed == {"cut": "cut: frame 25 has no label"}
    assert {record.drive for record in result.records} == {"good"}
    assert scenes(tmp_path).keys() == {"good.jsonl"}
    with pytest.raises(DataError, match="frame 0 has no label"):
        evaluate_labelled([Clip("cut", 30, bad=0)], settings, workers)


def test_a_result_is_read_back(settings, tmp_path):
    result = evaluate_labelled(DRIVES, settings, out=tmp_path)
    again = read_result(tmp_path)
    assert again.facts == result.facts
    assert again.metrics == result.metrics
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(DataError, match=r"result\.json.*Evaluate again"):
        read_result(tmp_path)


def test_what_is_interrupted_keeps_the_older_result(settings, tmp_path):
    evaluate_labelled(DRIVES, settings, out=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def interrupt(frames, done, units):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_labelled([Clip("other")], settings, out=tmp_path, progress=interrupt)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_new_result_leaves_nothing_of_the_older_one(settings, tmp_path):
    evaluate_labelled(DRIVES, settings, out=tmp_path)
    (tmp_path / "report.html").touch()
    evaluate_labelled([Clip("other")], settings, out=tmp_path)
    assert scenes(tmp_path).keys() == {"other.jsonl"}
    assert not (tmp_path / "report.html").exists()


def test_files_of_others_stay(settings, tmp_path):
    (tmp_path / "scenes").mkdir()
    for name in ("scenes/notes.txt", "scenes/other.jsonl", "notes.txt"):
        (tmp_path / name).write_text("mine")
    evaluate_labelled(DRIVES, settings, out=tmp_path)
    evaluate_labelled([Clip("day")], settings, out=tmp_path)
    assert {path.name for path in (tmp_path / "scenes").iterdir()} == {
        "notes.txt",
        "other.jsonl",
        "day.jsonl",
    }
    assert (tmp_path / "scenes" / "other.jsonl").read_text() == (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["result.json", "scenes/day.jsonl", "frames.parquet", "report.html", "scenes"]
)
def test_a_file_of_others_is_not_replaced(settings, tmp_path, name):
    out = tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text('{"mine": 1}')
    with pytest.raises(SinkError, match=f"got {name}, which no evaluation wrote"):
        evaluate_labelled(DRIVES, settings, out=out)
    assert [path for path in out.rglob("*") if path.is_file()] == [out / name]
    assert (out / name).read_text() == '{"mine": 1}'


def test_two_evaluations_into_one_folder(settings, tmp_path):
    with locked(tmp_path), pytest.raises(SinkError, match="another process is writing it"):
        evaluate_labelled(DRIVES, settings, out=tmp_path)


def test_a_folder_that_was_not_there_is_not_left_after_an_error(settings, tmp_path):
    with pytest.raises(DataError):
        evaluate_labelled([Clip("cut", bad=2)], settings, out=tmp_path / "new")
    assert {path.name for path in tmp_path.iterdir()} == {"tiny"}


def test_a_slow_device_drops_frames_and_ages_are_told(settings, tmp_path):
    """20 frames a second against 120 ms: 0, 2, 4 and the last are seen."""
    slow = replace(settings, pace=Pace(120.0), deadline_ms=130.0)
    result = evaluate_labelled([Clip("day", 8)], slow, out=tmp_path)
    assert [record.seq for record in result.records] == [0, 2, 4, 7]
    assert [record.timing_ms["age"] for record in result.records] == [120, 140, 160, 130]
    latency = json.loads((tmp_path / "result.json").read_text())["latency"]["all"]
    assert (latency["frames"], latency["dropped"], latency["missed"]) == (4, 4, 2)


def test_pictures_without_a_clock_are_not_paced(folder, settings):
    with pytest.raises(DataError, match="expected a recorded drive"):
        evaluate_drives([f"data:{folder}:val"], replace(settings, pace=Pace()))


def test_two_drives_of_one_name_are_refused(settings):
    with pytest.raises(DataError, match="synthetic-3 twice"):
        evaluate_drives(["synthetic:3:1", "synthetic:3:2"], settings)


def test_data_folders_of_other_sets_are_evaluated_together(settings, tmp_path):
    for name in ("one", "two"):
        picture(tmp_path / name / f"set{name}/a.png", GREY)
        row = {"img": f"set{name}/a.png", "split": "val", "w": 96, "h": 64, "labelled": [], "boxes": []}
        (tmp_path / name / "det.jsonl").write_text(json.dumps(row))
    drives = open_drives([f"data:{tmp_path / name}" for name in ("one", "two")], settings)
    assert [drive.name for drive in drives] == ["setone-val", "blank-val", "settwo-val"]


def test_progress_is_told_up_to_the_end(settings):
    told = []
    evaluate_labelled(DRIVES, settings, progress=lambda *numbers: told.append(numbers))
    assert told == sorted(told)
    assert told[-1] == (20, 3, 3)


SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path

from perception.evaluation.seeing import REPRODUCIBLE
from perception.evaluation.run import Settings, evaluate_labelled
from tests.evaluation.workers import Clip

if __name__ == "__main__":
    settings = Settings(replace(REPRODUCIBLE, bundle=Path(sys.argv[1]), precision="fp32"))
    drives = [Clip("day", 10**6), Clip("night", 10**6)]
    tell = lambda *numbers: print(numbers, flush=True)
    evaluate_labelled(drives, settings, 2, out=Path(sys.argv[2]), progress=tell)
"""


@pytest.mark.usefixtures("terminal")
def test_ctrl_c_ends_all_processes_and_leaves_nothing(tiny_bundle, tmp_path):
    script, out = tmp_path / "script.py", tmp_path / "out"
    script.write_text(SCRIPT)
    process = Popen(
        [sys.executable, str(script), str(tiny_bundle), str(out)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=PIPE,
        stderr=PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert said.count("Traceback") == 1  # that of the script
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert not out.exists()
