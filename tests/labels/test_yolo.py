"""YOLO folders. The rows are those of COCO's picture 000000000009 in Ultralytics' coco8 and coco128."""

import pytest

from perception.errors import DataError
from perception.labels import open_labelled
from perception.labels.labelled import Asked
from perception.labels.vocabulary import Vocabulary
from perception.labels.yolo import read_yaml

ROWS = "45 0.479492 0.688771 0.955609 0.5955\n50 0.637063 0.732938 0.494125 0.510583\n"
BOWL = (1.08, 187.69, 1.08 + 611.59, 187.69 + 285.84)  # as COCO's own file has it
YAML = """# coco8.yaml, shortened
path: {root} # dataset root dir
train: images/train # train images (relative to 'path')
val: images/val

# Classes
names:
  2: car
  45: bowl
  50: broccoli
"""


@pytest.fixture
def folder(tmp_path, picture):
    for split in ("train", "val"):
        picture(f"images/{split}/000000000009.jpg", (640, 480))
        (tmp_path / "labels" / split).mkdir(parents=True)
        (tmp_path / "labels" / split / "000000000009.txt").write_text(ROWS)
    (tmp_path / "data.yaml").write_text(YAML.format(root=tmp_path))
    return tmp_path


def test_a_box_is_that_of_coco(folder):
    (yolo,) = open_labelled(str(folder), Asked(vocabulary=Vocabulary(names=(("bowl", "person"),))))
    ((frame, truth),) = yolo
    assert truth.boxes.boxes[0].xyxy == pytest.approx(BOWL, abs=0.01)
    assert (truth.boxes.labelled, frame.size) == ({"vehicle", "person"}, (640, 480))
    assert yolo.remarks == ("no class of ours, left out: 1 broccoli",)


def test_the_split_may_be_named(folder):
    (yolo,) = open_labelled(f"yolo:{folder}:train")
    assert [item.image.parent.name for item in yolo.items] == ["train"]
    with pytest.raises(DataError, match=r"the split 'test', got train, val"):
        open_labelled(f"yolo:{folder}:test")


def test_a_picture_without_a_text_file_shows_nothing_if_others_have_one(folder, picture):
    picture("images/val/empty.jpg", (640, 480))
    (yolo,) = open_labelled(str(folder))
    assert [len(truth.boxes.boxes) for _, truth in yolo] == [0, 0]
    assert yolo.remarks[0].startswith("1 pictures have no text file")
    (folder / "labels/val/000000000009.txt").unlink()
    with pytest.raises(DataError, match=r"labels/val/000000000009\.txt, got none for 2"):
        open_labelled(str(folder))


def test_a_polygon_is_read_as_the_box_around_it(folder):
    (folder / "labels/val/000000000009.txt").write_text("2 0.25 0.5 0.5 0.25 0.75 0.75\n")
    ((_, truth),) = open_labelled(str(folder))[0]
    assert truth.boxes.boxes[0].xyxy == (160, 120, 480, 360)


@pytest.mark.parametrize(
    "row",
    ["2 0.5 0.5 0.1", "7 0.5 0.5 0.1 0.1", "2 320 240 64 48", "car 0.5 0.5 0.1 0.1", "inf 0.5 0.5 0.1 0.1"],
)
def test_a_bad_row_is_named(folder, row):
    (folder / "labels/val/000000000009.txt").write_text(f"{ROWS}{row}\n")
    with pytest.raises(DataError, match=r"000000000009\.txt:3: expected class x y width height"):
        open_labelled(str(folder))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: ['a', \"b c\"]\nnc: 2", ["a", "b c"]),
        ("names:\n- a\n- b c\n", ["a", "b c"]),
        ("names: {0: a, 1: b}", {"0": "a", "1": "b"}),
        ("names:\n  0: a\n  1: b # the second", {"0": "a", "1": "b"}),
        ("names: ['a',\n  b c]\nval:\n  images/val\n", ["a", "b c"]),
        ("names: [a, 7]\ndownload: |\n  import os\n\n  os.getcwd()\n", ["a", "7"]),
    ],
)
def test_the_ways_to_write_classes(tmp_path, text, names):
    (tmp_path / "data.yaml").write_text(text)
    assert read_yaml(tmp_path / "data.yaml")["names"] == names


@pytest.mark.parametrize("text", ["names: [a", "- a\n- b", "  a: b\nval: c", "val: {a: b}\nnames: [a]"])
def test_what_is_no_such_table_is_named(folder, text):
    (folder / "data.yaml").write_text(text)
    with pytest.raises(DataError, match=r"data\.yaml: expected"):
        open_labelled(str(folder))


def test_a_folder_above_as_roboflow_writes_it(folder):
    (folder / "data.yaml").write_text("train: ../images/train\nval: ../images/val\nnc: 1\nnames: ['car']\n")
    (folder / "labels/val/000000000009.txt").write_text("0 0.5 0.5 0.5 0.5")
    assert len(list(open_labelled(str(folder))[0])) == 1
