"""KITTI's objects. The rows are training/label_2/000001.txt of the object benchmark, in part."""

import pytest

from perception.errors import DataError
from perception.labels import open_labelled
from perception.labels.labelled import Asked

ROWS = """\
Truck 0.00 0 -1.57 599.41 156.40 629.75 189.25 2.85 2.63 12.34 0.47 1.49 69.44 -1.56
Car 0.00 0 1.85 387.63 181.54 423.81 203.12 1.67 1.87 3.69 -16.53 2.39 58.49 1.57
Cyclist 0.00 3 -1.65 676.60 163.95 688.98 193.93 1.86 0.60 2.02 4.59 1.32 45.84 -1.55
DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10
"""


@pytest.fixture
def folder(tmp_path, picture):
    picture("training/image_2/000001.png", (1242, 375))
    (tmp_path / "training/label_2").mkdir()
    (tmp_path / "training/label_2/000001.txt").write_text(ROWS)
    return tmp_path


def test_types_become_ours_and_what_is_not_cared_for_a_region_of_all(folder):
    ((frame, truth),) = open_labelled(str(folder))[0]
    assert frame.size == truth.boxes.size == (1242, 375)
    assert truth.boxes.labelled == {"vehicle", "person", "cyclist"}
    assert [box.name for box in truth.boxes.boxes if not box.extra] == ["vehicle", "vehicle", "cyclist"]
    assert truth.boxes.boxes[0].xyxy == (599.41, 156.40, 629.75, 189.25)
    regions = [box for box in truth.boxes.boxes if box.extra]
    assert [box.name for box in regions] == ["cyclist", "person", "vehicle"]
    assert {box.xyxy for box in regions} == {(503.89, 169.71, 590.61, 190.13)}


def test_a_split_is_a_list(folder, picture):
    picture("training/image_2/000002.png", (1242, 375))
    (folder / "training/label_2/000002.txt").write_text("")
    (folder / "ImageSets").mkdir()
    assert len(open_labelled(f"kitti:{folder}")[0].items) == 2
    (folder / "ImageSets/train.txt").write_text("000002\n")
    (kitti,) = open_labelled(f"kitti:{folder}", Asked("train"))
    assert [item.image.stem for item in kitti.items] == ["000002"]
    with pytest.raises(DataError, match=r"ImageSets: expected the split 'tarin', got train\. Choose one"):
        open_labelled(f"kitti:{folder}:tarin")


def test_a_file_that_is_no_picture_hides_none(folder):
    (folder / "training/image_2/.DS_Store").write_bytes(b"x")
    assert len(open_labelled(f"kitti:{folder}")[0].items) == 1


def test_a_tram_is_a_region_of_vehicles(folder):
    row = ROWS.splitlines()[0].replace("Truck", "Tram")
    (folder / "training/label_2/000001.txt").write_text(row)
    ((_, truth),) = open_labelled(str(folder))[0]
    assert [(box.name, bool(box.extra)) for box in truth.boxes.boxes] == [("vehicle", True)]


def test_a_bad_row_is_named(folder):
    (folder / "training/label_2/000001.txt").write_text(ROWS + "Car 0.00 0\n")
    with pytest.raises(DataError, match=r"000001\.txt:5: expected type and 14 numbers"):
        open_labelled(str(folder))
