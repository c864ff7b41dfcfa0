"""COCO's JSON: whose class is whose, where the pictures are, what is wrong."""

import pytest

from perception.errors import DataError
from perception.evaluation.data.labelled import open_labelled
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
    (table(CAR, (1, 3, [0, 0, -9, 9], 81, 0)), "annotation 1: .*a box of -9"),
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
