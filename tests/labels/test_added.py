"""Labels of tasks that users add: which kind the files say, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from perception.errors import DataError
from perception.labels.added import Example, Objects, Told, name_in, read
from perception.training.added.fit import check_shown
from perception.training.added.recipe import Recipe
from perception.training.added.split import counts, split
from perception.training.added.views import View, views
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


def test_a_drive_of_several_classes_is_on_one_side(tmp_path):
    names = ("one/e_0.png,day", "one/a_0.png,day", "one/a_1.png,rain", "one/c_0.png,rain")
    for name in names:
        picture(tmp_path / name.partition(",")[0])
    learnt, judged = split(read([table(tmp_path / "t.csv", "image,class", *names)]), 0.2)
    drives = [{example.image.stem[0] for example in part} for part in (learnt, judged)]
    assert not drives[0] & drives[1]
    assert {example.truth for example in learnt} == {example.truth for example in judged}


def test_of_a_single_drive_the_last_pictures_of_each_class_are_held_out(tmp_path):
    names = ["day"] * 5 + ["rain"] * 5 + ["fog"]
    for number in range(11):
        picture(tmp_path / f"a_{number}.png")
    rows = [f"a_{number}.png,{name}" for number, name in enumerate(names)]
    learnt, judged = split(read([table(tmp_path / "t.csv", "image,class", *rows)]), 0.2)
    assert [example.image.stem for example in judged] == ["a_4", "a_9"]
    assert len(learnt) == 9


@pytest.mark.parametrize(
    "pictures",
    [
        "p_0:ab r_1:a p_2:b",
        "q_0:b p_1:ab p_2:abc p_3:bc",
        "p_0:c p_1:abc p_2:ab p_3:a",
        "q_0:d q_1:bcd q_2:bc",
    ],
)
def test_classes_that_share_pictures_are_on_both_sides(pictures):
    """Objects: no class is taken from what is learnt for the sake of another one."""
    files = [picture.split(":") for picture in pictures.split()]
    boxes = np.zeros((3, 4), np.float32)
    told = tuple(
        Example(Path(f"f/{stem}.png"), Objects(boxes[: len(own)], tuple(own))) for stem, own in files
    )
    classes = sorted({name for _, own in files for name in own})
    for part in split(Told("object", tuple(classes), told), 0.2):
        assert sorted(counts(part)) == classes


def test_altered_copies_of_a_picture_are_on_one_side():
    names = {"p_0": "ab", "p_1": "ab", "p_1_jpg.rf.0a": "ab", "p_2": "a", "q_0": "c", "q_1": "c"}
    boxes = np.zeros((3, 4), np.float32)
    told = tuple(
        Example(Path(f"f/{s}.png"), Objects(boxes[: len(own)], tuple(own))) for s, own in names.items()
    )
    for part in split(Told("object", ("a", "b", "c"), told), 0.2):
        stems = {example.image.stem for example in part}
        assert ("p_1" in stems) == ("p_1_jpg.rf.0a" in stems)


def test_the_value_of_what_is_not_judged_has_no_name(tmp_path):
    picture(tmp_path / "images/a.png")
    picture(tmp_path / "masks/a.png", 3)
    table(tmp_path / "classes.csv", "value,name", "3,road", "255,sky")
    with pytest.raises(DataError, match="a value from 0 to 254"):
        read([str(tmp_path)])


def test_pictures_are_named_from_the_folder_of_the_data(tmp_path):
    image, data = tmp_path / "rain/a.png", str(tmp_path)
    assert name_in(image, [data]) == name_in(image, [f"{data}/t.csv"]) == "rain/a.png"
    assert name_in(image, [f"{data}/other/t.csv"]) == "../rain/a.png"
    (tmp_path / "rain").mkdir()
    assert name_in(image, [f"{data}/other/t.csv", f"{data}/rain"]) == "rain/a.png"


def test_an_object_that_is_cut_away_is_not_learnt(tmp_path):
    """All of a picture of one class stays, however it is cut; a small box at its rim does not always."""
    picture(tmp_path / "a.png")
    box, many = np.array([[0, 0, 3, 3]], np.float32), Recipe(views=60, stride=8)
    example = Example(tmp_path / "a.png", Objects(box, ("red",)))
    found = views(example, ["red"], (64, 64), many, np.random.default_rng(0))
    shown = [len(view.class_id) for view in found]
    assert shown[0] == 1
    assert 0 < sum(shown) < len(shown)
    whole = views(replace(example, truth="red"), ["red"], (64, 64), many, np.random.default_rng(0))
    assert all(view.class_id.tolist() == [0] for view in whole)


def test_a_class_of_masks_without_a_pixel_is_refused():
    labels = np.array([[0, VOID], [2, 2]], np.uint8)
    view = View(np.empty((0, 0, 3)), np.zeros((0, 4), int), np.zeros(0, int), labels)
    with pytest.raises(DataError, match="none of road in 1 views"):
        check_shown([view], ["sky", "road", "car"])


def test_a_class_that_only_judges_is_refused(tmp_path):
    picture(tmp_path / "a.png")
    rows = ("a.png,day,train", "a.png,rain,val")
    with pytest.raises(DataError, match="none of rain"):
        split(read([table(tmp_path / "t.csv", "image,class,split", *rows)]), 0.2)
