"""Masks of classes. Cityscapes' ids are those of its labels.py: road has the id 7 and the train id 0."""

import cv2
import numpy as np
import pytest

from perception.errors import DataError
from perception.labels import open_labelled

CITY = "aachen/aachen_000000_000019"


@pytest.fixture
def write_mask(tmp_path):
    def write(name, *values):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.repeat(np.array([values], np.uint8), 48, 0).repeat(64 // len(values), 1))

    return write


def columns(text):
    """The values of the drivable area, from left to right."""
    ((_, truth),) = open_labelled(text)[0]
    values = truth.drivable.labels[0]
    return [int(v) for v, before in zip(values, [None, *values], strict=False) if v != before]


@pytest.mark.parametrize(
    ("ending", "road"), [("labelIds", (7, 8, 0, 26)), ("labelTrainIds", (0, 1, 255, 13))]
)
def test_cityscapes(tmp_path, picture, write_mask, ending, road):
    picture(f"leftImg8bit/val/{CITY}_leftImg8bit.png")
    write_mask(f"gtFine/val/{CITY}_gtFine_{ending}.png", *road)
    assert columns(str(tmp_path)) == [1, 0, 255, 0]


def test_a_folder_of_masks_by_a_table(tmp_path, picture, write_mask):
    picture("images/a.jpg")
    write_mask("masks/a.png", 3, 9, 4, 255)
    with pytest.raises(DataError, match=r"classes\.csv.*got the values \[3, 4, 9, 255\]"):
        open_labelled(f"masks:{tmp_path}")
    (tmp_path / "classes.csv").write_text("value,name\n3,Road\n9,grass\n4,ignore\n")
    assert columns(str(tmp_path)) == [1, 0, 255]
    (tmp_path / "classes.csv").write_text("value,name\n3,rode\n")
    with pytest.raises(DataError, match=r"classes\.csv: expected a class of road.*got rode"):
        open_labelled(str(tmp_path))


def test_without_a_table_one_is_drivable_and_255_is_void_unless_it_is_all_there_is(
    tmp_path, picture, write_mask
):
    picture("images/train/a.jpg")
    write_mask("masks/train/a.png", 0, 1, 255, 0)
    assert columns(f"masks:{tmp_path}:train") == [0, 1, 255, 0]
    write_mask("masks/train/a.png", 0, 255)
    assert columns(f"masks:{tmp_path}:train") == [0, 1]


def test_grey_saved_as_colour_is_a_mask_and_a_picture_without_one_is_told(tmp_path, picture):
    picture("images/a.jpg")
    picture("images/b.jpg")
    picture("masks/a.png")
    cv2.imwrite(str(tmp_path / "masks/a.png"), np.ones((48, 64, 3), np.uint8))
    assert columns(str(tmp_path)) == [1]
    assert open_labelled(str(tmp_path))[0].remarks == ("1 pictures lack their mask: left out",)


@pytest.mark.parametrize("folders", [("images/{}", "masks/{}"), ("images", "masks/{}")])
def test_a_split_that_is_not_there_is_not_all(tmp_path, picture, write_mask, folders):
    for split in ("train", "test"):
        images, masks = (folder.format(split) for folder in folders)
        picture(f"{images}/{split}.jpg")
        write_mask(f"{masks}/{split}.png", 0, 1)
    assert columns(f"masks:{tmp_path}:test") == [0, 1]
    with pytest.raises(DataError, match=r"expected the split 'val', got test, train\. Choose one"):
        open_labelled(f"masks:{tmp_path}")


def test_folders_of_drives_are_no_splits(tmp_path, picture, write_mask):
    picture("images/monday/a.jpg")
    write_mask("masks/monday/a.png", 0, 1)
    assert columns(f"masks:{tmp_path}") == [0, 1]


@pytest.mark.parametrize(("size", "message"), [((48, 64), "turn the labels"), ((64, 40), "another size")])
def test_a_mask_of_another_shape_is_refused(tmp_path, picture, write_mask, size, message):
    picture("images/a.jpg", size)
    write_mask("masks/a.png", 0, 1)
    ((frame, truth),) = open_labelled(f"masks:{tmp_path}")[0]
    with pytest.raises(DataError, match=rf"a\.jpg: expected a picture of 64 x 48.*{message}"):
        truth.check_size(frame)


def test_a_mask_may_be_smaller(tmp_path, picture, write_mask):
    picture("images/a.jpg", (1280, 959))
    write_mask("masks/a.png", 0, 1)
    ((frame, truth),) = open_labelled(f"masks:{tmp_path}")[0]
    truth.check_size(frame)
