"""The classes of a network are its bundle's: labels are read in them, whatever they are."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from perception import bundle
from perception.errors import DataError
from perception.labels import open_labelled
from perception.labels.classes import COMMON, Names
from perception.labels.labelled import Asked
from perception.labels.tally import Tally
from perception.labels.vocabulary import INFO, OURS, Vocabulary

MINE = Vocabulary(objects=("car", "forklift", "traffic_sign"), names=(("Gabelstapler", "forklift"),))


def test_a_class_of_the_network_goes_before_what_people_call_ours():
    assert Names.of(COMMON)("Car") == "vehicle"
    names = Names.of(COMMON, MINE)
    assert [names(n) for n in ("Car", "gabelstapler", "Forklift")] == ["car", "forklift", "forklift"]


def test_a_class_that_the_network_lacks_is_none_of_its():
    names, tally = Names.of(COMMON, MINE), Tally()
    assert names.count("person", tally) is None
    assert tally.unknown == {"person": 1}
    with pytest.raises(DataError, match=r"got dog, person.*'detection.classes=\[\"dog\", \"person\"\]'"):
        names.check("x", ["person", "dog"], tally)


def test_a_name_may_stand_for_a_sign_and_what_it_says(picture, write_json):
    picture("mine/a.png")
    table = {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "Halt"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 20, 20]}],
    }
    asked = Asked(vocabulary=Vocabulary(signs=("halt", "yield"), sign_names=(("Halt", "halt"),)))
    ((_, truth),) = open_labelled(f"coco:{write_json('mine/mine.json', table)}", asked)[0]
    assert truth.boxes.boxes[0].name == "traffic_sign"
    assert truth.signs_of(("yield", "halt")).class_id.tolist() == [1]
    assert truth.signs_of(("yield",)).score.tolist() == [0.0]


def test_a_bundle_says_its_classes_and_their_names_in_data_sets():
    spec = bundle.read(bundle.SHIPPED)
    assert Vocabulary.of_bundle(spec) == OURS
    task = replace(spec.tasks["detection"], classes=MINE.objects)
    mine = replace(spec, tasks={**spec.tasks, "detection": task}, info={INFO: MINE.described()})
    assert Vocabulary.of_bundle(mine) == MINE


def test_ids_of_ours_stay_and_new_ones_follow():
    assert MINE.object_ids == (*OURS.objects, "car", "forklift")


def test_our_own_format_is_read_in_the_classes_of_the_network(tmp_path, picture):
    boxes = [[5, 5, 20, 20, "Gabelstapler", ""], [5, 5, 20, 20, "Kran", ""], [5, 5, 20, 20, "Halt", ""]]
    row = {"img": "yard/a.png", "split": "val", "w": 64, "h": 48}
    row |= {"labelled": ["Gabelstapler", "Kran"], "boxes": boxes}
    picture("yard/a.png")
    (tmp_path / "det.jsonl").write_text(json.dumps(row) + "\n")
    words = replace(MINE, sign_names=(("Halt", "stop"),))
    yard = next(part for part in open_labelled(f"data:{tmp_path}", Asked("val", words)) if part.tally.names)
    ((_, truth),) = yard
    assert [box.name for box in truth.boxes.boxes] == ["forklift", "traffic_sign"]
    assert truth.boxes.labelled == {"forklift"}
    assert truth.signs_of(("yield", "stop")).class_id.tolist() == [1]
    assert yard.tally.names == {"Gabelstapler", "Halt", "Kran"}
    assert yard.remarks == ("no class of ours, left out: 1 Kran",)
