"""Folders of TuSimple and CULane."""

import json

import pytest

from perception.errors import DataError
from perception.evaluation.data.labelled import open_labelled
from perception.evaluation.judge import judge
from perception.evaluation.observe import Observer
from perception.evaluation.records import figures
from perception.types import Scene

ROW = {
    "raw_file": "clips/0/20.jpg",
    "lanes": [[-2, 20, 18, 16], [40, 41, 42, -2]],
    "h_samples": [16, 24, 32, 40],
}


def judged_by_the_truth(labelled):
    """The records of a pipeline that finds exactly the labelled lines."""
    records = []
    for frame, truth in labelled:
        scene = Scene(frame.seq, 0, frame.size, lanes=truth.lines)
        records.append(judge(frame, truth, Observer(lambda _, scene=scene: scene), labelled.name))
    return figures(records)


@pytest.fixture
def tusimple(tmp_path, picture):
    picture("clips/0/20.jpg")
    (tmp_path / "test_label.json").write_text(json.dumps(ROW) + "\n")
    return tmp_path


def test_tusimple_lines_run_from_near_to_far(tusimple):
    (labelled,) = open_labelled(str(tusimple))
    ((frame, truth),) = labelled
    assert frame.source.endswith("clips/0/20.jpg")
    assert truth.lines[0].image.tolist() == [[16.5, 40.5], [18.5, 32.5], [20.5, 24.5]]
    assert truth.rows == (16, 24, 32, 40)


def test_the_tusimple_truth_scores_one(tusimple):
    got = judged_by_the_truth(open_labelled(f"tusimple:{tusimple}")[0])
    assert [got[f"lanes.tusimple.{name}"] for name in ("accuracy", "fp", "fn", "f1")] == [1, 0, 0, 1]


BAD = [
    ("{}", "test_label.json:1: expected raw_file, lanes"),
    (json.dumps(ROW) + "\n{", "test_label.json:2"),
    (json.dumps({**ROW, "lanes": [[1, 2]]}), r"test_label.json:1: expected lanes of 4 points.*\[2\]"),
    (json.dumps({**ROW, "raw_file": "clips/1/20.jpg"}), "got none of 1"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_bad_tusimple_file_is_named(tusimple, text, message):
    (tusimple / "test_label.json").write_text(text)
    with pytest.raises(DataError, match=message):
        open_labelled(str(tusimple))


def test_tusimple_pictures_that_are_not_there_are_told(tusimple):
    gone = {**ROW, "raw_file": "clips/1/20.jpg"}
    (tusimple / "test_label.json").write_text(json.dumps(ROW) + "\n" + json.dumps(gone))
    assert open_labelled(str(tusimple))[0].remarks[0].startswith("1 labelled pictures are not in")


@pytest.fixture
def culane(tmp_path, picture):
    for name in ("0", "1"):
        picture(f"driver_1/a.MP4/{name}.jpg", (164, 59))
        (tmp_path / f"driver_1/a.MP4/{name}.lines.txt").write_text("60 20 30 58\n100 20 130 58 \n")
    (tmp_path / "list/test_split").mkdir(parents=True)
    names = "/driver_1/a.MP4/0.jpg\n/driver_1/a.MP4/1.jpg\n"
    (tmp_path / "list/test.txt").write_text(names)
    (tmp_path / "list/test_split/test8_night.txt").write_text("driver_1/a.MP4/1.jpg\n")
    return tmp_path


def test_culane_lists_become_tags(culane):
    (labelled,) = open_labelled(str(culane))
    assert [truth.tags for _, truth in labelled] == [("set:culane",), ("set:culane", "scene:night")]
    assert labelled.name == "culane-test"


def test_culane_lines_run_from_near_to_far(culane):
    _, truth = next(iter(open_labelled(f"culane:{culane}:list/test.txt")[0]))
    assert truth.lines[0].image.tolist() == [[30.5, 58.5], [60.5, 20.5]]


def test_the_culane_truth_scores_one(culane):
    got = judged_by_the_truth(open_labelled(str(culane))[0])
    assert (got["lanes.culane.culane_f1"], got["lanes.culane.f1"]) == (1, 1)


def test_a_bad_culane_label_is_named_with_its_line(culane):
    (culane / "driver_1/a.MP4/0.lines.txt").write_text("1 2 3 4\n5 6 7\n")
    with pytest.raises(DataError, match=r"0\.lines\.txt:2: expected pairs of x and y"):
        list(open_labelled(str(culane))[0])


def test_culane_pictures_without_a_label_are_told(culane):
    (culane / "driver_1/a.MP4/0.lines.txt").unlink()
    (labelled,) = open_labelled(str(culane))
    assert labelled.remarks[0].startswith("1 listed pictures lack")
    assert len(list(labelled)) == 1


def test_a_list_that_is_not_there_names_those_that_are(culane):
    with pytest.raises(DataError, match=r"list/test_split/test8_night\.txt"):
        open_labelled(f"culane:{culane}:list/val.txt")
