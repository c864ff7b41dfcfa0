"""Folders of TuSimple and CULane."""

import json
from dataclasses import replace

import numpy as np
import pytest

from perception.errors import DataError
from perception.evaluation.judge import judge
from perception.evaluation.observe import Observer
from perception.evaluation.records import metrics
from perception.labels import open_labelled
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
    return metrics(records)


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
    (json.dumps({**ROW, "lanes": [[1, 2, 1e30, 4]]}), r"test_label.json:1: .*coordinate 1e\+30"),
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


# Of a CULane label, as github.com/voldemortX/pytorch-auto-drive quotes it in docs/datasets/CULANE.md: the
# first points of two of its four lines.
PUBLISHED_CULANE = """\
-20.4835 580 19.3893 570 58.1682 560 98.1783 550 137.929 540 177.709 530
532.893 590 542.567 580 553.704 570 564.84 560 575.977 550 587.139 540
"""


def test_published_culane_labels_are_read(culane, picture):
    picture("driver_1/a.MP4/0.jpg", (1640, 590))
    (culane / "driver_1/a.MP4/0.lines.txt").write_text(PUBLISHED_CULANE)
    _, truth = next(iter(open_labelled(str(culane))[0]))
    assert [len(line.image) for line in truth.lines] == [6, 6]
    assert truth.lines[0].image[0].tolist() == pytest.approx([-19.9835, 580.5])
    assert truth.lines[1].image[-1].tolist() == pytest.approx([587.639, 540.5])


def test_a_bad_culane_label_is_named_with_its_line(culane):
    (culane / "driver_1/a.MP4/0.lines.txt").write_text("1 2 3 4\n5 6 7\n")
    with pytest.raises(DataError, match=r"0\.lines\.txt:2: expected pairs of x and y"):
        list(open_labelled(str(culane))[0])


@pytest.mark.parametrize("row", ["nan 58 70 40", "inf 58 70 40", "1e30 58 70 40"])
def test_a_coordinate_that_is_in_no_picture_is_named(culane, row):
    (culane / "driver_1/a.MP4/0.lines.txt").write_text(f"60 20 62 58\n{row}\n")
    with pytest.raises(DataError, match=r"0\.lines\.txt:2: expected pairs of x and y"):
        open_labelled(str(culane))


def test_lines_of_larger_pictures_are_refused(tusimple):
    (tusimple / "test_label.json").write_text(json.dumps(PUBLISHED | {"raw_file": ROW["raw_file"]}))
    with pytest.raises(DataError, match=r"20\.jpg, got 23 of 23 points outside\. The labels were made on"):
        open_labelled(str(tusimple))


def test_culane_pictures_without_a_label_are_told(culane):
    (culane / "driver_1/a.MP4/0.lines.txt").unlink()
    (labelled,) = open_labelled(str(culane))
    assert labelled.remarks[0].startswith("1 listed pictures lack")
    assert len(list(labelled)) == 1


def test_a_list_that_is_not_there_names_those_that_are(culane):
    with pytest.raises(DataError, match=r"list/test_split/test8_night\.txt"):
        open_labelled(f"culane:{culane}:list/val.txt")


def test_a_tusimple_line_of_only_minus_two_counts_as_in_the_official_script(tusimple):
    lanes = [[-2] * 4, [600, -2, -2, -2], *ROW["lanes"]]
    (tusimple / "test_label.json").write_text(json.dumps({**ROW, "lanes": lanes}))
    (labelled,) = open_labelled(str(tusimple))
    ((_, truth),) = labelled
    got = judged_by_the_truth(labelled)
    expected = official([[-2 if x < 0 else x for x in xs] for xs in ROW["lanes"]], lanes, ROW["h_samples"])
    assert len(truth.lines) == 2
    assert [got[f"lanes.tusimple.{name}"] for name in ("accuracy", "fp", "fn")] == pytest.approx(expected)


# Of example/label_data.json in TuSimple's own repository, clip 0313-1/51660: the first 12 of its 48 rows.
PUBLISHED = {
    "raw_file": "clips/0313-1/51660/20.jpg",
    "h_samples": list(range(240, 360, 10)),
    "lanes": [
        [-2, -2, -2, -2, 555, 542, 530, 517, 505, 493, 480, 468],
        [-2, -2, -2, -2, -2, -2, -2, 712, 721, 730, 739, 747],
        [-2, -2, 521, 489, 457, 425, 393, 361, 330, 298, 266, 234],
        [-2] * 12,
    ],
}


@pytest.mark.parametrize("moved", [0, 6, 15, 26])
def test_published_labels_score_as_in_the_official_script(tusimple, picture, moved):
    picture(PUBLISHED["raw_file"], (1280, 720))
    (tusimple / "test_label.json").write_text(json.dumps(PUBLISHED))
    ((frame, truth),) = open_labelled(str(tusimple))[0]
    found = tuple(replace(line, image=line.image + np.float32([moved, 0])) for line in truth.lines)
    scene = Scene(0, 0, frame.size, lanes=found)
    got = metrics([judge(frame, truth, Observer(lambda _: scene))])
    rows, true = PUBLISHED["h_samples"], PUBLISHED["lanes"]
    expected = official([[x + moved if x >= 0 else -2 for x in xs] for xs in true[:3]], true, rows)
    assert len(found) == 3
    names = [f"lanes.tusimple.{name}" for name in ("accuracy", "fp", "fn")]
    assert [got[name] for name in names] == pytest.approx(expected, abs=1e-6)


def official(found, true, rows):
    """TuSimple's `evaluate/lane.py` (github.com/TuSimple/tusimple-benchmark), its steps in its order."""
    found, true = (np.where(np.array(xs, float) < 0, -100.0, xs) for xs in (found, true))
    best = []
    for xs in true:
        there = xs >= 0
        angle = np.arctan(np.polyfit(np.array(rows)[there], xs[there], 1)[0]) if there.sum() > 1 else 0.0
        best.append(max((np.abs(other - xs) < 20 / np.cos(angle)).mean() for other in found))
    matched = sum(share >= 0.85 for share in best)
    missed, total = len(true) - matched, sum(best)
    if len(true) > 4:
        missed, total = missed - (missed > 0), total - min(best)
    asked = max(min(4.0, len(true)), 1.0)
    return total / asked, (len(found) - matched) / len(found), missed / asked


def test_a_gap_in_a_tusimple_line_stays_one(tusimple):
    gap = [[40, -2, -2, 43]]
    (tusimple / "test_label.json").write_text(json.dumps({**ROW, "lanes": gap}))
    expected = official([[40, 41, 42, 43]], gap, ROW["h_samples"])  # what is found has none
    got = judged_by_the_truth(open_labelled(str(tusimple))[0])
    assert got["lanes.tusimple.accuracy"] == pytest.approx(expected[0]) == 0.5


def test_tasks_without_labels_are_refused(tusimple):
    (tusimple / "test_label.json").rename(tusimple / "test_tasks_0627.json")
    with pytest.raises(DataError, match=r"expected test_label\.json.*got test_tasks_0627\.json"):
        open_labelled(str(tusimple))
    (tusimple / "label_data_1.json").write_text(json.dumps({**ROW, "lanes": []}))
    with pytest.raises(DataError, match=r"got none in 1 pictures.*Put test_label\.json"):
        open_labelled(str(tusimple / "label_data_1.json"))


def test_a_label_file_without_its_number_is_one(tusimple):
    (tusimple / "test_label.json").rename(tusimple / "label_data.json")
    assert len(open_labelled(str(tusimple))[0].items) == 1
    assert len(open_labelled(str(tusimple / "label_data.json"))[0].items) == 1


def test_a_line_of_one_point_is_no_line(tusimple, culane):
    (tusimple / "test_label.json").write_text(json.dumps({**ROW, "lanes": [[-2, 20, -2, -2]]}))
    (labelled,) = open_labelled(str(tusimple))
    assert [truth.lines for _, truth in labelled] == [()]
    assert labelled.remarks[0].startswith("1 lane lines have fewer than two points")
    (culane / "driver_1/a.MP4/0.lines.txt").write_text("60 20\n100 20 130 58\n")
    _, truth = next(iter(open_labelled(f"culane:{culane}:list/test.txt")[0]))
    assert len(truth.lines) == 1


def test_a_list_that_is_not_there_is_not_offered(culane):
    with pytest.raises(DataError, match=r"Choose one: \S+:list/test\.txt"):
        open_labelled(f"culane:{culane}:list/gone.txt")
