"""Each data set gives the truth it has, and no more."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from perception.errors import DataError
from perception.tasks.batch import ANY_SIGN, CERTAIN, UNKNOWN
from perception.tasks.detection import CLASSES
from perception.training.data import SOURCES, cutouts, maps, records, signs

KINDS = {  # what each data set has truth for
    "camvid": {"detection", "drivable", "lanes"},
    "idd": {"detection", "drivable", "lanes"},
    "gtsdb": {"detection", "drivable", "lanes"},
    "roadseg_ru": {"detection", "drivable", "lanes"},
    "lums": {"detection", "drivable", "lanes"},  # its road has edges
    "streets_id": {"detection"},
    "carla": {"detection"},
    "roadscene": {"detection", "drivable", "lanes"},
    "clips": {"detection", "drivable", "lanes"},
    "brazil": {"lanes"},
}


def rows(boxes, sure):
    """(class name, xyxy) of the boxes that are sure, or of those that are not."""
    pairs = zip(boxes.xyxy[boxes.sure == sure], boxes.label[boxes.sure == sure], strict=True)
    return {(CLASSES[label], tuple(box.astype(int).tolist())) for box, label in pairs}


def negative_weights(sample):
    return {name: round(float(a), 3) for name, a in zip(CLASSES, sample.negative_weight, strict=True) if a}


@pytest.mark.parametrize("name", SOURCES)
def test_only_training_pictures_are_read_and_each_with_the_truth_it_has(folder, name):
    samples = SOURCES[name](folder)
    assert len(samples) == {"camvid": 2, "clips": 3}.get(name, 1)
    assert {task for sample in samples for task in sample.tasks()} == KINDS[name]
    assert all(sample.image.shape == (64, 96, 3) for sample in samples)


@pytest.mark.parametrize("name", SOURCES)
def test_a_data_set_that_is_not_there_gives_no_samples(tmp_path, name):
    assert SOURCES[name](tmp_path) == []


def test_boxes_that_may_be_merged_are_not_sure(folder):
    sample = SOURCES["camvid"](folder)[0]
    assert rows(sample.boxes, True) == {("vehicle", (40, 40, 60, 60)), ("traffic_light", (80, 4, 86, 12))}
    assert rows(sample.boxes, False) == {("person", (70, 30, 90, 60)), ("traffic_sign", (47, 7, 59, 19))}
    known = {"vehicle": 1, "person": 1, "cyclist": 1, "traffic_sign": 0.5}  # by people
    assert negative_weights(sample) == known | {"motorbike": 0.4, "traffic_light": 0.4}


def test_people_s_masks_win_over_the_teacher_and_void_is_unknown(folder):
    sample = SOURCES["camvid"](folder)[0]
    assert (sample.drivable[:, :5] == UNKNOWN).all()
    assert (sample.drivable[32:, 5:] == CERTAIN).all()
    assert (sample.drivable[:32, 5:] == 0).all()


def test_paint_labels_are_taken_where_there_are_any_and_other_paint_is_unknown(folder):
    labelled, taught = SOURCES["camvid"](folder)
    assert (labelled.paint[40:60, 46:50] == CERTAIN).all()
    assert (labelled.paint[40:60, 80:84] == UNKNOWN).all()
    assert (labelled.paint[:4] == UNKNOWN).all()
    assert (labelled.paint[10:30] == 0).all()
    assert taught.paint.shape == (32, 48)  # the teacher's size


def test_a_teacher_s_scores_fall_into_bands(folder):
    sample = SOURCES["gtsdb"](folder)[0]
    assert rows(sample.boxes, True) == {
        ("vehicle", (40, 40, 60, 60)),  # 0.5
        ("traffic_sign", (20, 10, 40, 30)),
        ("traffic_sign", (60, 10, 72, 22)),
    }
    assert rows(sample.boxes, False) == {
        ("person", (62, 40, 70, 60)),  # 0.49; 0.24 is nothing
        ("cyclist", (82, 40, 90, 60)),  # a bicycle, perhaps with a rider
    }
    assert negative_weights(sample) == dict.fromkeys(records.TAUGHT, 0.4) | {"traffic_sign": 1}


def test_the_better_teacher_is_asked_first_and_by_its_own_scores(folder):
    boxes = [[5, 5, 25, 35, "person", "", 0.4], [50, 5, 70, 35, "vehicle", "car", 0.2]]
    row = {"img": "gtsdb/images/g.png", "w": 96, "h": 64, "boxes": boxes}
    (folder / "weak_boxes_2.jsonl").write_text(json.dumps(row) + "\n")
    taught, silence = records.weak(folder, "gtsdb/images/g.png")
    assert rows(taught, True) == {("person", (5, 5, 25, 35))}
    assert rows(taught, False) == {("vehicle", (50, 5, 70, 35))}
    assert silence.max() == np.float32(0.6)


def test_a_person_on_a_bicycle_is_a_cyclist_and_one_beside_it_is_not():
    bicycle, rider = ([40.0, 40, 60, 60], "bicycle", 0.5), ([44.0, 20, 56, 55], "person", 0.9)
    beside = ([70.0, 20, 80, 60], "person", 0.8)
    assert records._riders([bicycle, rider, beside]) == [beside, ([40, 20, 60, 60], "cyclist", 0.5)]
    assert records._riders([bicycle, beside]) == [beside, ([40, 40, 60, 60], "cyclist", 0.0)]


def test_lights_at_night_are_not_learnt(folder):
    (sample,) = SOURCES["roadscene"](folder)
    assert rows(sample.boxes, True) == {("vehicle", (40, 40, 60, 60))}
    assert rows(sample.boxes, False) == {("traffic_light", (10, 4, 14, 12))}
    assert "traffic_light" not in negative_weights(sample)


def test_the_own_vehicle_is_no_road_and_has_no_lines(folder):
    bonnet = SOURCES["clips"](folder)[2]
    assert (bonnet.drivable[-3:] == 0).all()
    assert (bonnet.line[-3:] == 0).all()
    assert (bonnet.drivable[20:24] == CERTAIN).any()


def test_drawn_lines_are_sure_and_beyond_them_nothing_is_known(folder):
    night = SOURCES["clips"](folder)[0]
    assert night.line[60, 20] == CERTAIN
    assert night.line[50, 90] == UNKNOWN  # right of the right-hand line
    assert night.line[55, 3] == 0
    (brazil,) = SOURCES["brazil"](folder)
    assert brazil.line[40, 62] == CERTAIN
    assert brazil.line[40, 30] == UNKNOWN  # not snapped to paint
    assert brazil.line[40, 45] == 0  # cracks and patches


def test_a_road_s_edge_runs_where_it_meets_what_is_fixed():
    road, fixed = np.zeros((60, 90), bool), np.zeros((60, 90), bool)
    road[30:], fixed[:30, :60] = True, True  # to the right of column 60 something that may move away
    edge, near = maps.road_edge(road, fixed)
    scale = edge.shape[1] / 90
    row, inside = round(30 * scale), round(20 * scale)
    assert edge[row, inside] == CERTAIN
    assert near[row, inside]
    assert edge[row, round(75 * scale)] == UNKNOWN
    assert edge[round(10 * scale), inside] == edge[round(50 * scale), inside] == 0


def test_signs_of_a_scene_keep_their_meaning_where_it_is_known(folder):
    sample = SOURCES["gtsdb"](folder)[0]
    assert sample.boxes.sign.tolist() == [14, *[ANY_SIGN] * 4]
    ((image, box, sign),) = signs.in_scenes([sample])
    assert sign == 14
    assert (image == sample.image[0:41, 10:51]).all()  # half a sign around it
    assert box.tolist() == [10, 10, 30, 30]


def test_a_sign_too_small_to_be_read_teaches_no_meaning(folder):
    sample = SOURCES["gtsdb"](folder)[0]
    sample.boxes.xyxy[0] = 20, 10, 29, 19
    assert signs.in_scenes([sample]) == []


def test_a_teacher_s_box_is_believed_where_the_mask_agrees(folder):
    sample = SOURCES["idd"](folder)[0]
    assert rows(sample.boxes, True) == {("vehicle", (40, 40, 60, 60)), ("traffic_light", (70, 10, 80, 20))}
    doubted = rows(sample.boxes, False)
    assert ("person", (10, 8, 20, 24)) in doubted
    assert ("person", (69, 39, 79, 53)) in doubted  # of the mask, without a box
    assert not [box for name, box in doubted if name in ("vehicle", "motorbike", "cyclist")]


def test_a_masked_thing_without_a_box_is_no_place_to_learn_absence_of_any_of_its_classes(folder):
    (folder / "weak_boxes.jsonl").write_text("")
    sample = SOURCES["idd"](folder)[0]
    assert rows(sample.boxes, True) == set()
    left = {(name, (39, 39, 61, 61)) for name in ("vehicle", "motorbike", "cyclist")}
    assert rows(sample.boxes, False) == left | {("person", (69, 39, 79, 53))}


def test_vehicles_inside_a_road_mask_are_not_learnt_as_road(folder):
    drivable = SOURCES["roadseg_ru"](folder)[0].drivable
    assert (drivable[40:60, 40:60] == UNKNOWN).all()
    assert (drivable == UNKNOWN).sum() == 400
    assert (drivable[32:, 5:] == CERTAIN).sum() + 400 == drivable[32:, 5:].size


def test_names_of_a_data_set_become_classes(folder):
    (carla,), (street,) = SOURCES["carla"](folder), SOURCES["streets_id"](folder)
    assert rows(carla.boxes, True) == {("motorbike", (8, 8, 30, 40))}
    assert rows(street.boxes, True) == {("vehicle", (8, 8, 60, 60)), ("motorbike", (70, 8, 90, 60))}
    assert negative_weights(street) == {"vehicle": 1, "person": 1, "motorbike": 0.5}


def test_a_line_is_the_teacher_s_answer_and_paint_needs_a_stripe_under_it(folder):
    image = cv2.imread(str(folder / "camvid/images/c3.png"))
    seen = maps.lanes_from_teacher(folder, "camvid", "c3", image)
    assert set(np.unique(seen["line"])) == {0, CERTAIN}
    assert (seen["paint"][18:, 23:25] == CERTAIN).all()


def test_a_line_without_paint_on_it_is_not_believed(folder):
    grey = np.full((64, 96, 3), 90, np.uint8)
    kerb = maps.lanes_from_teacher(folder, "camvid", "c3", grey)
    assert (kerb["paint"] == 0).all()
    assert set(np.unique(kerb["line"])) == {0, UNKNOWN}
    assert maps.lanes_from_teacher(folder, "camvid", "not seen", grey) == {}


def test_a_teacher_s_road_is_sure_and_its_silence_only_far_above(folder):
    truth = maps.drivable_from_teacher(folder, "gtsdb", "g")
    assert (truth[20:] == CERTAIN).all()
    assert (truth[:19] == 0).all()
    assert (truth[19] == UNKNOWN).all()
    assert maps.drivable_from_teacher(folder, "gtsdb", "not seen") is None


def test_sign_crops_of_the_training_split(folder):
    read = signs.read(folder)
    assert [sign for _, _, sign in read] == [14, 14, 33]
    assert read[0][1].tolist() == [4, 4, 28, 28]
    assert {sign: len(crops) for sign, crops in signs.by_class(read).items()} == {14: 2, 33: 1}
    assert signs.by_class(read, smallest=33) == {}


def test_a_broken_line_and_a_missing_picture_are_named(folder):
    (folder / "gtsdb/images/g.png").unlink()
    with pytest.raises(DataError, match=r"g\.png: expected an image"):
        SOURCES["gtsdb"](folder)
    (folder / "more.jsonl").write_text(json.dumps({"img": "a"}) + "\n{")
    with pytest.raises(DataError, match=r"more\.jsonl:2: expected one JSON object a line"):
        records.lines(folder / "more.jsonl")


@pytest.mark.data
@pytest.mark.parametrize(("name", "count"), [("lums", 113), ("carla", 160)])
def test_the_real_folders_give_what_they_promise(driving_data, name, count):
    samples = SOURCES[name](driving_data)
    assert len(samples) == count
    assert {task for sample in samples for task in sample.tasks()} >= KINDS[name]
    boxes = np.concatenate([sample.boxes.xyxy for sample in samples])
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert sum(sample.boxes.sure.sum() for sample in samples) > 20


def test_cutouts_follow_the_mask_and_leave_out_what_is_small_or_at_the_edge():
    image = np.random.default_rng(0).integers(0, 256, (100, 80, 3)).astype(np.uint8)
    mask = np.zeros((100, 80), np.uint8)
    mask[20:60, 30:50] = 9
    mask[30:34, 30:34] = 0
    boxes = [(28, 18, 52, 62), (28, 18, 52, 30), (28, 18, 80, 62)]
    found = [
        list(cutouts._cut(image, mask, np.array(box), "person", cutouts.VALUES["camvid"])) for box in boxes
    ]
    assert [len(x) for x in found] == [1, 0, 0]
    (cutout,) = found[0]
    np.testing.assert_array_equal(cutout.image, image[20:60, 30:50])
    np.testing.assert_array_equal(cutout.mask > 0, mask[20:60, 30:50] == 9)
    assert (cutout.name, cutout.foot, cutout.height) == ("person", 0.6, 0.4)


def test_cutouts_come_from_the_training_pictures_that_are_used(folder):
    samples = {name: SOURCES[name](folder) for name in ("camvid", "idd")}
    assert all(c.name in ("vehicle", "person", "cyclist") for c in cutouts.read(folder, samples))
    assert cutouts.read(folder, {"gtsdb": samples["camvid"]}) == []
