"""BDD100K as it is downloaded, both versions of its labels."""

import cv2
import numpy as np
import pytest

from perception.errors import DataError
from perception.labels import open_labelled
from perception.labels.scalabel import STEPS, flattened
from perception.tasks.detection import CLASSES
from perception.tasks.lanes import CLASSES as KINDS

WIDE = (1280, 720)


def boxed(category, x1, y1, x2, y2, **attributes):
    return {"category": category, "attributes": attributes, "box2d": {"x1": x1, "y1": y1, "x2": x2, "y2": y2}}


def curved(category, *vertices, types=None, **attributes):
    path = {"vertices": [list(v) for v in vertices], "types": types or "L" * len(vertices), "closed": False}
    return {"category": category, "attributes": attributes, "poly2d": [path]}


NIGHT = {"weather": "rainy", "timeofday": "night", "scene": "undefined"}
DET = [
    boxed("car", 100, 100, 200, 180),
    boxed("rider", 300, 100, 340, 200),
    boxed("bicycle", 300, 150, 340, 220),
]
LANES = [
    curved("single white", (400, 300), (300, 700), laneDirection="parallel", laneStyle="dashed"),
    curved("crosswalk", (0, 600), (900, 600), laneDirection="vertical", laneStyle="solid"),
    curved("road curb", (900, 300), (1200, 700), laneDirection="parallel", laneStyle="solid"),
]
AREA = [curved("direct", (200, 700), (600, 700), (600, 400), (200, 400))]


@pytest.fixture
def folder(tmp_path, picture, write_json):
    picture("bdd100k/images/100k/val/a.jpg", WIDE)
    write_json("bdd100k/labels/det_20/det_val.json", [{"name": "a.jpg", "attributes": NIGHT, "labels": DET}])
    write_json("bdd100k/labels/lane/polygons/lane_val.json", [{"name": "a.jpg", "labels": LANES}])
    write_json("bdd100k/labels/drivable/polygons/drivable_val.json", [{"name": "a.jpg", "labels": AREA}])
    return tmp_path


def only(folder):
    (bdd,) = open_labelled(str(folder))
    ((frame, truth),) = bdd
    return bdd, frame, truth


def test_boxes_become_ours_and_riders_regions_of_persons(folder):
    bdd, frame, truth = only(folder)
    found = truth.boxes.detections(CLASSES, frame.size)
    assert found.class_id[:2].tolist() == [CLASSES.index("vehicle"), CLASSES.index("person")]
    assert found.score[:2].tolist() == [1, 0]
    assert {"cyclist", "motorbike"}.isdisjoint(truth.boxes.labelled)
    assert bdd.remarks == ("no class of ours, left out: 1 bicycle",)


def test_attributes_become_tags(folder):
    _, _, truth = only(folder)
    assert truth.tags == ("set:bdd100k", "timeofday:night", "weather:rainy")


def test_lines_along_the_road_are_kept_near_to_far(folder):
    line, curb = only(folder)[2].lines
    assert line.image.tolist() == [[300, 700], [400, 300]]
    assert (KINDS[line.kind], KINDS[curb.kind]) == ("dashed", "road_edge")


def test_polygons_become_the_drivable_area(folder):
    labels = only(folder)[2].drivable.labels
    assert labels.shape == (720, 1280)
    assert labels[500, 400] == 1
    assert labels[300, 400] == 0
    assert int(labels.sum()) == pytest.approx(400 * 300, rel=0.01)


def test_masks_go_before_polygons(folder):
    path = folder / "bdd100k/labels/drivable/masks/val/a.png"
    path.parent.mkdir(parents=True)
    mask = np.full((720, 1280), 2, np.uint8)
    mask[600:], mask[600:, 640:] = 0, 1  # direct and alternative
    cv2.imwrite(str(path), mask)
    labels = only(folder)[2].drivable.labels
    assert labels.sum() == 120 * 1280


@pytest.mark.parametrize("key", ["laneType", "laneTypes"])
def test_the_older_file_tells_of_everything(tmp_path, picture, write_json, key):
    picture("images/100k/val/a.jpg", WIDE)
    lane = curved("lane", (400, 300), (300, 700), laneDirection="parallel", **{key: "double white"})
    curb = curved("lane", (9, 9), (99, 99), laneDirection="parallel", **{key: "road curb"})
    area = curved("drivable area", (200, 700), (600, 700), (400, 400), areaType="direct")
    labels = [boxed("person", 1, 2, 30, 40), boxed("bike", 1, 2, 3, 4), lane, curb, area]
    write_json("labels/bdd100k_labels_images_val.json", [{"name": "a.jpg", "labels": labels}])
    bdd, frame, truth = only(tmp_path)
    assert (bdd.name, len(truth.lines), frame.seq) == ("bdd100k-val", 2, 0)
    assert [KINDS[line.kind] for line in truth.lines] == ["double", "road_edge"]
    assert [box.name for box in truth.boxes.boxes] == ["person"]
    assert truth.drivable.labels[600, 400] == 1


def test_a_picture_without_objects_is_labelled_all_the_same(folder, write_json):
    write_json("bdd100k/labels/det_20/det_val.json", [{"name": "a.jpg", "labels": None}])
    assert only(folder)[2].boxes.boxes == ()


def test_labels_and_pictures_that_lack_the_other_are_told(folder, picture, write_json):
    picture("bdd100k/images/100k/val/stranger.jpg", WIDE)
    rows = [{"name": name, "labels": DET[:1]} for name in ("a.jpg", "gone.jpg")]
    write_json("bdd100k/labels/det_20/det_val.json", rows)
    remarks = only(folder)[0].remarks
    assert any(remark.startswith("1 labelled pictures are not in") for remark in remarks)
    assert any(remark.startswith("1 pictures in") for remark in remarks)


BAD = [
    ([{"labels": []}], "picture 0: .*name"),
    ([{"name": "a.jpg", "labels": [{"category": "car", "box2d": {"x1": 1}}]}], "picture 0: .*x"),
    ([{"name": "a.jpg", "labels": [boxed("car", 9, 9, 1, 1)]}], "picture 0: .*x1 > x2"),
    ([{"name": "a.jpg", "labels": [boxed("car", "nan", 9, 10, 11)]}], "picture 0: .*coordinate nan"),
    ({"pictures": []}, "a list of pictures"),
]


@pytest.mark.parametrize(("table", "message"), BAD)
def test_a_malformed_file_is_named(folder, write_json, table, message):
    write_json("bdd100k/labels/det_20/det_val.json", table)
    with pytest.raises(DataError, match=rf"det_val\.json: .*{message}|{message}"):
        open_labelled(str(folder))


@pytest.mark.parametrize("odd", ["nan", 1e30])
def test_a_curve_through_no_pixel_is_named(folder, write_json, odd):
    line = curved("single white", (odd, 300), (300, 700), laneDirection="parallel", laneStyle="solid")
    write_json("bdd100k/labels/lane/polygons/lane_val.json", [{"name": "a.jpg", "labels": [line]}])
    with pytest.raises(DataError, match=r"lane_val\.json: picture 0: .*coordinate"):
        open_labelled(str(folder))


def test_a_split_that_is_not_there_is_named(folder):
    with pytest.raises(DataError, match=r"images/100k/train, got the splits \['val'\]"):
        open_labelled(f"bdd100k:{folder}:train")


def test_no_label_file_says_which_are_looked_for(tmp_path, picture):
    picture("images/100k/val/a.jpg")
    with pytest.raises(DataError, match=r"labels/det_20/det_val\.json"):
        open_labelled(str(tmp_path))


@pytest.mark.parametrize("types", ["LCCC", "LCCL"])
def test_curves_end_at_their_last_vertex(types):
    points = flattened([(0, 0), (0, 30), (60, 30), (60, 0)], types)
    assert points[-1] == (60, 0)
    assert len(set(points)) == len(points) == STEPS + 1
    assert (30, 22.5) in points  # the middle of the curve


# Of the published files: a lane of bdd100k_labels_images_train.json as public loaders quote it
# (`laneType`), and two of labels/lane/polygons/lane_train.json as Autoware documents them (`laneTypes`).
OLDER = {
    "category": "lane",
    "attributes": {"laneDirection": "parallel", "laneStyle": "solid", "laneType": "road curb"},
    "manualShape": True,
    "manualAttributes": True,
    "poly2d": [
        {
            "vertices": [
                [305.268154, 449.929388],
                [209.389704, 468.664488],
                [106.898947, 468.664488],
                [0, 469.766552],
            ],
            "types": "CCCL",
            "closed": False,
        }
    ],
    "id": 236,
}
NEWER = [
    {
        "id": "0",
        "attributes": {"laneDirection": "parallel", "laneStyle": "solid", "laneTypes": "road curb"},
        "category": "road curb",
        "poly2d": [{"vertices": [[503.67, 373.13], [357.79, 374.67]], "types": "LL", "closed": False}],
    },
    {
        "id": "6",
        "attributes": {"laneDirection": "parallel", "laneStyle": "dashed", "laneTypes": "single white"},
        "category": "single white",
        "poly2d": [
            {
                "vertices": [[795.68, 345.23], [628.16, 370.58], [504.73, 482.99], [370.28, 571.15]],
                "types": "LCCC",
                "closed": False,
            }
        ],
    },
]


def test_lanes_of_both_published_versions(tmp_path, picture, write_json):
    picture("images/100k/val/a.jpg", WIDE)
    write_json("labels/bdd100k_labels_images_val.json", [{"name": "a.jpg", "labels": [OLDER]}])
    (curb,) = only(tmp_path)[2].lines
    assert (KINDS[curb.kind], curb.image[0].tolist()) == ("road_edge", pytest.approx([0, 469.766552]))
    write_json("labels/bdd100k_labels_images_val.json", [{"name": "a.jpg", "labels": NEWER}])
    assert [KINDS[line.kind] for line in only(tmp_path)[2].lines] == ["road_edge", "dashed"]


def test_an_unknown_kind_of_line_is_told(folder, write_json):
    odd = curved("lane/triple green", (400, 300), (300, 700), laneDirection="parallel")
    write_json("bdd100k/labels/lane/polygons/lane_val.json", [{"name": "a.jpg", "labels": [odd]}])
    assert "1 lane lines of the unknown kind 'triple green': read as lane lines" in only(folder)[0].remarks


def test_scalabel_s_own_form_is_read(folder, write_json):
    write_json("bdd100k/labels/det_20/det_val.json", {"frames": [{"name": "a.jpg", "labels": DET}]})
    assert len(only(folder)[2].boxes.boxes) == 2
