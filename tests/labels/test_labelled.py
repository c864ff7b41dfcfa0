"""Any labelled drive by its name, whole or in parts."""

import json
import pickle
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import pytest

from perception.errors import DataError, SourceError
from perception.evaluation.judge import judge
from perception.evaluation.observe import Observer
from perception.evaluation.records import metrics
from perception.labels import open_labelled
from perception.labels.labelled import Asked
from perception.sinks.record import DriveRecorder
from perception.synthetic import World
from perception.tasks import detection, lanes, signs
from perception.types import Detections, Frame, Scene, Signs


def test_the_sets_of_a_data_folder_are_parts(folder):
    found = {part.name: part for part in open_labelled(f"data:{folder}:val")}
    sets = ("town", "city", "camvid", "idd", "acdc", "brazil", "clips", "signs", "outside", "blank")
    assert found.keys() == {f"{name}-val" for name in sets}
    assert open_labelled(str(folder))[0].name in found  # recognised by its files, and val if nothing is said
    frames = [frame for frame, _ in found["town-val"]]
    assert [frame.seq for frame in frames] == [0, 1]


def test_drawn_lines_are_a_set_of_their_own(folder):
    city = next(part for part in open_labelled(str(folder)) if part.name == "city-val")
    truths = [truth for _, truth in city]
    assert {truth.name("lanes") for truth in truths} == {"drawn"}
    assert {truth.tags for truth in truths} == {("set:city",)}


def test_parts_have_all_frames_in_order_and_can_be_pickled(folder):
    whole = next(part for part in open_labelled(str(folder)) if part.name == "town-val")
    parts = pickle.loads(pickle.dumps(whole)).parts(1)
    assert [part.name for part in parts] == ["town-val"] * 2
    assert [(f.seq, f.source) for part in parts for f, _ in part] == [(f.seq, f.source) for f, _ in whole]


def test_sign_crops_say_what_they_show(folder):
    signs = next(part for part in open_labelled(str(folder)) if part.name == "signs-val")
    assert all(truth.crop is not None for _, truth in signs)


def test_a_sign_outside_its_crop_is_named(folder):
    (folder / "signs.csv").write_text("path,split,class,x1,y1,x2,y2\nsigns/1.png,val,3,4,4,98,28\n")
    signs = next(part for part in open_labelled(str(folder)) if part.name == "signs-val")
    ((frame, truth),) = signs
    with pytest.raises(DataError, match=r"1\.png: expected a sign in its 96 x 64 pixels.*98"):
        truth.check_size(frame)


def test_a_limit_holds_for_a_set_and_leaves_it_all_kinds_of_labels(folder):
    (folder / "idd.csv").write_text("name,split\n" + "".join(f"{k},val\n" for k in range(9)))
    lined = [{"img": f"idd/images/{k}.jpg", "split": "val", "lines": []} for k in range(8, 12)]
    (folder / "lanes_drawn.json").write_text(json.dumps(lined))
    parts = {part.name: part for part in open_labelled(str(folder), Asked(limit=4))}
    kinds = [(item.sample.mask is None, item.sample.lines is None) for item in parts["idd-val"].items]
    assert kinds == [(False, True)] * 2 + [(False, False), (True, False)]
    assert all(len(part.items) <= 4 for part in parts.values())


def test_rendered_worlds_have_exact_truth():
    (worlds,) = open_labelled("synthetic:3:1")
    ((frame, truth),) = worlds
    assert (worlds.name, frame.seq, truth.set) == ("synthetic-3", 0, "synthetic")
    assert truth.levels.keys() == {"large", "near"}
    scene = truth.scene(frame)
    assert (scene.detections.score > 0).all()
    assert scene.drivable.labels.shape == frame.image.shape[:2]
    assert all(np.isfinite(line.road).any() for line in scene.lanes)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent", "no such file or folder"),
        ("synthetic:x", "synthetic:SEED"),
        ("data:absent", "a folder of labelled pictures"),
        ("tusimple:absent", "test_label.json"),
    ],
)
def test_what_is_not_there_is_named(name, message):
    with pytest.raises(DataError, match=message):
        open_labelled(name)


def test_a_folder_of_no_format_lists_the_formats(tmp_path):
    with pytest.raises(DataError, match=r"coco:, bdd100k:.*none of these formats"):
        open_labelled(str(tmp_path))


@dataclass(frozen=True)
class Kind:
    name: str
    classes: tuple[str, ...]


KINDS = [Kind("detection", detection.CLASSES), Kind("lanes", lanes.CLASSES), Kind("signs", signs.CLASSES)]


@pytest.fixture
def drive(tmp_path):
    """A recording of two rendered frames with their truth."""
    world = World(4)
    rendered = [world.render(t) for t in (1.0, 1.1)]
    truth = {picture.frame.stamp_ns: picture.truth for picture in rendered}
    recorder = DriveRecorder(tmp_path / "a b.mcap", KINDS, truth=lambda frame: truth[frame.stamp_ns])
    for picture in rendered:
        recorder.write(picture.frame, Scene(picture.frame.seq, picture.frame.stamp_ns, picture.frame.size))
    recorder.close()
    return recorder.path, list(truth.values())


def test_a_recorded_drive_tells_its_truth(drive):
    path, scenes = drive
    (labelled,) = open_labelled(str(path))
    truths = [truth for _, truth in labelled]
    assert (labelled.name, labelled.parts(1)) == ("a-b", [labelled])
    for truth, scene in zip(truths, scenes, strict=True):
        found = truth.boxes.detections(detection.CLASSES, scene.size)
        np.testing.assert_allclose(found.xyxy, scene.detections.xyxy, atol=0.01)
        assert np.array_equal(truth.drivable.labels, scene.drivable.labels)
        assert len(truth.lines) == len(scene.lanes)


def test_the_truth_of_a_recorded_drive_scores_one(drive):
    path, scenes = drive
    observer = Observer(lambda frame: next(s for s in scenes if s.stamp_ns == frame.stamp_ns))
    got = metrics([judge(frame, truth, observer) for frame, truth in open_labelled(str(path))[0]])
    names = ("drivable.drive.iou", "lanes.drive.f1", "detection.drive.ap50", "lanes.drive.recall_m")
    assert {name: got[name] for name in names} == pytest.approx(dict.fromkeys(names, 1))


def test_classes_that_only_the_recording_knows_are_not_ours(tmp_path):
    boxes, one = np.array([(10, 10, 30, 30)] * 2, np.float32), np.ones(2, np.float32)
    scene = Scene(0, 0, (64, 48), Detections(boxes, one, np.array([0, 1], np.int32)))
    scene = replace(scene, signs=Signs(boxes[:1], np.zeros(1, np.int32), one[:1]))
    kinds = [Kind("detection", ("tram", "person")), Kind("signs", ("moose",))]
    with closing(DriveRecorder(tmp_path / "a.mcap", kinds, truth=lambda frame: scene)) as recorder:
        recorder.write(Frame(np.zeros((48, 64, 3), np.uint8), 0, 0), Scene(0, 0, (64, 48)))
    ((frame, truth),) = open_labelled(str(recorder.path))[0]
    assert truth.scene(frame).detections.class_id.tolist() == [detection.CLASSES.index("person")]
    assert "vehicle" not in truth.boxes.labelled
    assert truth.signs.score.tolist() == [0]


def test_a_drive_that_is_no_drive_is_named(tmp_path):
    (tmp_path / "a.mcap").write_bytes(b"nothing of the kind")
    with pytest.raises(SourceError, match=r"a\.mcap"):
        open_labelled(str(tmp_path / "a.mcap"))
