"""COCO's JSON: whose class is whose, where the pictures are, what is wrong."""

import json

import pytest

from perception.errors import DataError
from perception.labels import open_labelled
from perception.labels.labelled import Asked
from perception.labels.vocabulary import Vocabulary
from perception.tasks.detection import CLASSES

CATEGORIES = [(1, "person"), (2, "bicycle"), (3, "car"), (13, "stop sign")]


def table(*annotations, images=(1,)):
    rows = [
        {"id": i, "image_id": image, "category_id": category, "bbox": bbox, "area": area, "iscrowd": crowd}
        for i, (image, category, bbox, area, crowd) in enumerate(annotations)
    ]
    return {
        "images": [{"id": i, "file_name": f"{i:012d}.jpg", "width": 64, "height": 48} for i in images],
        "annotations": rows,
        "categories": [{"id": i, "name": name} for i, name in CATEGORIES],
    }


IMAGE = {"file_name": "a.jpg", "width": 64, "height": 48}
CAR, CROWD = (1, 3, [10, 10, 20, 15], 150.0, 0), (1, 1, [0, 0, 30, 20], 300.0, 1)


@pytest.fixture
def opened(tmp_path, picture, write_json):
    def of(found):
        picture("val2017/000000000001.jpg")
        write_json("annotations/instances_val2017.json", found)
        return open_labelled(str(tmp_path))

    return of


def test_boxes_become_ours_and_crowds_regions(opened):
    (coco,) = opened(table(CAR, CROWD))
    ((frame, truth),) = coco
    assert (coco.name, frame.seq, frame.size) == ("val2017", 0, (64, 48))
    found = truth.boxes.detections(CLASSES, frame.size)
    boxes = list(zip(found.xyxy.tolist(), found.score.tolist(), found.class_id.tolist(), strict=True))
    assert boxes[:2] == [([10, 10, 30, 25], 1, 0), ([0, 0, 30, 20], 0, 1)]
    assert truth.boxes.areas(CLASSES)[:2].tolist() == [150, 300]


def test_classes_that_coco_does_not_label_are_not_judged(opened):
    ((_, truth),) = opened(table())[0]
    assert truth.boxes.labelled == {"vehicle", "person"}
    assert truth.scene(next(iter(opened(table())[0]))[0]).detections is not None


def test_what_is_left_out_is_told(opened):
    bicycle, sign = (1, 2, [0, 0, 9, 9], 81, 0), (1, 13, [5, 5, 9, 9], 81, 0)
    (coco,) = opened(table(bicycle, bicycle, sign, (7, 3, [0, 0, 9, 9], 81, 0), images=(1, 2)))
    assert any("2 bicycle, 1 stop sign" in remark for remark in coco.remarks)
    assert any(remark.startswith("1 labelled pictures are not in") for remark in coco.remarks)
    assert any("1 boxes are of images that the file does not list" in remark for remark in coco.remarks)


def test_a_picture_without_a_label_is_told(opened, picture):
    picture("val2017/stranger.jpg")
    (coco,) = opened(table(CAR))
    assert any("1 pictures" in remark and "no label" in remark for remark in coco.remarks)
    assert len(list(coco)) == 1


def test_boxes_beyond_the_picture_are_cut_and_those_outside_left_out(opened):
    (coco,) = opened(table((1, 3, [50, 40, 30, 30], 900, 0), (1, 3, [70, 10, 9, 9], 81, 0)))
    ((_, truth),) = coco
    assert [box.xyxy for box in truth.boxes.boxes] == [(50, 40, 64, 48)]
    assert any(remark.startswith("2 boxes reach beyond") for remark in coco.remarks)


def test_the_pictures_may_lie_elsewhere(tmp_path, picture, write_json):
    picture("mine/000000000001.jpg")
    path = write_json("labels.json", table(CAR))
    with pytest.raises(DataError, match=r"labels\.json:FOLDER"):
        open_labelled(str(path))
    (coco,) = open_labelled(f"coco:{path}:{tmp_path / 'mine'}")
    assert len(list(coco)) == 1


BAD = [
    ({"images": []}, "images, categories and annotations"),
    (table((1, 99, [0, 0, 9, 9], 81, 0)), "annotation 0: .*KeyError"),
    (table(CAR, (1, 3, [0, 0, -9, 9], 81, 0)), "annotation 1: .*x1 > x2"),
    (table((1, 3, ["nan", 0, 9, 9], 81, 0)), "annotation 0: .*coordinate nan"),
    (
        table(CAR) | {"images": [IMAGE | {"id": i} for i in (1, 2)]},
        "expected every image once, got a.jpg 2 times",
    ),
    (table((1, 3, [0, 0, 9], 81, 0)), "annotation 0: .*bbox"),
]


@pytest.mark.parametrize(("found", "message"), BAD)
def test_a_malformed_file_is_named(opened, found, message):
    with pytest.raises(DataError, match=rf"instances_val2017\.json: .*{message}|{message}"):
        opened(found)


def test_broken_json_is_named_with_its_line(tmp_path):
    (tmp_path / "a.json").write_text('{"images": [],\n"categories": [}')
    with pytest.raises(DataError, match=r"a\.json:2"):
        open_labelled(str(tmp_path / "a.json"))


def test_a_picture_of_another_size_than_told_is_found_when_it_is_judged(opened, picture):
    (coco,) = opened(table(CAR))
    picture("val2017/000000000001.jpg", (32, 24))
    ((frame, truth),) = coco
    assert frame.size != truth.boxes.size


def test_one_id_for_two_pictures_is_named(opened):
    found = table(CAR)
    found["images"].append({**found["images"][0], "file_name": "other.jpg"})
    with pytest.raises(DataError, match=r"got 1 for 000000000001\.jpg and other\.jpg"):
        opened(found)


def test_names_may_be_written_otherwise(opened):
    found = table(CAR, CROWD)
    found["categories"] = [{"id": 1, "name": "Pedestrian"}, {"id": 3, "name": "Car"}]
    ((_, truth),) = opened(found)[0]
    assert truth.boxes.labelled == {"vehicle", "person"}
    assert [box.name for box in truth.boxes.boxes] == ["vehicle", "person"]


def test_a_file_without_a_class_of_ours_is_refused_with_the_nearest(opened):
    found = table(CAR)
    found["categories"] = [{"id": i, "name": name} for i, name in ((1, "Vehikle"), (3, "fork"))]
    with pytest.raises(DataError, match=r"got Vehikle, fork \(did you mean 'vehicle'\?\).*Rename"):
        opened(found)


def test_the_user_says_which_class_is_which(tmp_path, picture, write_json):
    picture("val2017/000000000001.jpg")
    found = {**table(CAR, CROWD), "categories": [{"id": 1, "name": "person"}, {"id": 3, "name": "forklift"}]}
    path = write_json("annotations/instances_val2017.json", found)
    asked = Asked(vocabulary=Vocabulary(names=(("Forklift", "vehicle"), ("person", ""))))
    ((_, truth),) = open_labelled(str(path), asked)[0]
    assert truth.boxes.labelled == {"vehicle"}
    with pytest.raises(DataError, match=r"'forklift' to be one of vehicle.*got 'vehicel' \(did you mean"):
        open_labelled(str(path), Asked(vocabulary=Vocabulary(names=(("forklift", "vehicel"),))))


def test_boxes_that_are_shares_of_the_picture_are_read(opened):
    (coco,) = opened(table((1, 3, [0.25, 0.5, 0.5, 0.25], 0.125, 0)))
    ((_, truth),) = coco
    assert truth.boxes.boxes[0].xyxy == (16, 24, 48, 36)
    assert truth.boxes.areas(CLASSES)[0] == 32 * 12
    assert any("shares of the picture" in remark for remark in coco.remarks)


def test_what_other_tools_write_is_read(tmp_path, picture):
    picture("val2017/000000000001.jpg")
    found = table(CAR)
    found["annotations"][0] |= {"area": None, "image_id": "1"}
    found["images"][0]["file_name"] = "./000000000001.jpg"
    path = tmp_path / "annotations/instances_val2017.json"
    path.parent.mkdir()
    path.write_text(json.dumps(found), encoding="utf-8-sig")  # with a byte order mark
    ((_, truth),) = open_labelled(str(tmp_path))[0]
    assert truth.boxes.areas(CLASSES)[0] == 300


def test_a_turned_picture_is_told_from_a_wrong_one(opened, picture):
    (coco,) = opened(table(CAR))
    picture("val2017/000000000001.jpg", (48, 64))
    ((frame, truth),) = coco
    with pytest.raises(DataError, match="swap width and height, or EXIF"):
        truth.check_size(frame)
    picture("val2017/000000000001.jpg", (32, 24))
    ((frame, truth),) = coco
    with pytest.raises(DataError, match="a picture of another size"):
        truth.check_size(frame)


def test_a_folder_without_annotations_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"annotations/instances_\*\.json, got no such file"):
        open_labelled(f"coco:{tmp_path}")
