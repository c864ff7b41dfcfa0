"""Labels of tasks that users add: which kind the files say, and what is refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from perception.errors import DataError
from perception.labels.added import read
from perception.training.added.split import split
from perception.types import VOID


def picture(path, value=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((24, 32), value, np.uint8))


def table(path, columns, *rows):
    path.write_text("\n".join([columns, *rows]) + "\n")
    return str(path)


def test_folders_are_the_classes_of_their_pictures(tmp_path):
    for name in ("rain", "day"):
        picture(tmp_path / name / "a1.png")
    told = read([str(tmp_path)])
    assert (told.kind, told.classes, len(told.examples)) == ("image", ("day", "rain"), 2)


def test_a_table_with_boxes_is_of_objects(tmp_path):
    picture(tmp_path / "a.png")
    path = table(tmp_path / "t.csv", "image,x1,y1,x2,y2,class", "a.png,1,2,9,8,red", "a.png,2,2,9,8,green")
    told = read([path])
    assert (told.kind, told.examples[0].truth.names) == ("object", ("red", "green"))


def test_values_without_a_name_are_not_judged(tmp_path):
    picture(tmp_path / "images/a.png")
    picture(tmp_path / "masks/a.png", 3)
    table(tmp_path / "classes.csv", "value,name", "3,road", "5,sky")
    told = read([str(tmp_path)])
    assert (told.kind, told.classes) == ("map", ("road", "sky"))
    assert (told.examples[0].truth.labels(("sky", "road")) == 1).all()
    assert (told.examples[0].truth.labels(("sky", "sea")) == VOID).all()


def test_yaml_names_folders_values_and_splits(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / f"i/{name}.png")
        picture(tmp_path / f"m/{name}.png", 1)
    table(tmp_path / "s.csv", "name,split", "a,train", "b,val")
    (tmp_path / "t.yaml").write_text("- {images: i, masks: m, split: s.csv, values: {1: road, 2: sky}}\n")
    assert [example.split for example in read([str(tmp_path / "t.yaml")]).examples] == ["train", "val"]


BAD = {
    "pictures": ("image,class", "gone.png,day"),
    "two classes": ("image,class", "a.png,day"),
    "x1 < x2": ("image,x1,y1,x2,y2,class", "a.png,9,2,1,8,red"),
    "four numbers": ("image,x1,y1,x2,y2,class", "a.png,a,2,1,8,red"),
    "got none of them": ("picture,class", "a.png,day"),
}


@pytest.mark.parametrize("said", BAD)
def test_what_does_not_do_is_named(tmp_path, said):
    picture(tmp_path / "a.png")
    with pytest.raises(DataError, match=said):
        read([table(tmp_path / "t.csv", *BAD[said])])


def test_data_of_two_kinds_are_two_tasks(tmp_path):
    picture(tmp_path / "a.png")
    one = table(tmp_path / "1.csv", "image,class", "a.png,day")
    two = table(tmp_path / "2.csv", "image,x1,y1,x2,y2,class", "a.png,1,2,9,8,red")
    with pytest.raises(DataError, match="one kind"):
        read([one, two])


def test_whole_drives_are_held_out(tmp_path):
    for name in ("rain", "day"):
        for drive in "abc":
            for number in range(3):
                picture(tmp_path / name / f"{drive}_{number}.png")
    learnt, judged = split(read([str(tmp_path)]), 0.3)
    drives = [{example.image.stem[0] + example.truth for example in part} for part in (learnt, judged)]
    assert not drives[0] & drives[1]
    assert len(learnt) + len(judged) == 18


def test_a_class_that_only_judges_is_refused(tmp_path):
    picture(tmp_path / "a.png")
    rows = ("a.png,day,train", "a.png,rain,val")
    with pytest.raises(DataError, match="none of rain"):
        split(read([table(tmp_path / "t.csv", "image,class,split", *rows)]), 0.2)
