"""Metrics on rendered worlds: a perfect observer gets everything, a blind one nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest

from perception.errors import DataError
from perception.evaluation.command import HERE, evaluate
from perception.evaluation.judge import PARTS, seen_in
from perception.evaluation.measure import report
from perception.evaluation.observe import Observer
from perception.evaluation.seeing import REPRODUCIBLE, Settings
from perception.labels.synthetic import FIRST, Worlds, asked
from perception.labels.synthetic import pictures as pictures_of
from perception.synthetic import Conditions
from perception.tasks.detection import CLASSES
from perception.types import Detections

SHARES = (
    "drivable.iou",
    "detection.ap50",
    "detection.pooled.ap50",
    "lanes.f1",
    "lanes.recall_m",
    "sign.read_f1",
)


@pytest.fixture(scope="module")
def pictures():
    """Two worlds by day."""
    worlds = Worlds(0, 2)
    return [worlds.render(k) for k in range(2)]


@pytest.fixture
def told(pictures):
    """A pipeline that answers with the truth."""
    scenes = {picture.frame.source: picture.truth for picture in pictures}
    return lambda frame: scenes[frame.source]


def measured(see, worlds, parts=PARTS):
    return report(seen_in(pictures_of(worlds), Observer(see), parts))


def test_the_truth_gets_full_marks(told):
    found = measured(told, Worlds(0, 2)).metrics
    assert {name: found[f"synthetic.{name}"] for name in SHARES} == pytest.approx(dict.fromkeys(SHARES, 1))
    assert found["synthetic.lanes.median_m"] == 0


def test_who_sees_nothing_gets_none(blind):
    found = measured(blind, Worlds(0, 2)).metrics
    assert {name: found[f"synthetic.{name}"] for name in SHARES} == dict.fromkeys(SHARES, 0)
    assert "synthetic.lanes.median_m" not in found  # there is no distance to nothing


def test_lines_that_are_moved_sideways_are_as_far_off_as_they_were_moved(told):
    def moved(frame):
        scene = told(frame)
        return replace(scene, lanes=tuple(replace(x, road=x.road + (0, 0.2)) for x in scene.lanes))

    found = measured(moved, Worlds(0, 2), ["lanes"]).metrics
    assert found["synthetic.lanes.median_m"] == pytest.approx(0.2, abs=1e-5)
    assert found["synthetic.lanes.recall_m"] == pytest.approx(1)


def test_only_the_parts_asked_for_are_measured(told):
    found = measured(told, Worlds(0, 1), ["drivable"])
    assert list(found.metrics) == [f"synthetic.drivable.{what}" for what in ("iou", "precision", "recall")]
    assert found.pictures == {"synthetic.drivable": 1}


def test_worlds_are_the_same_every_time_and_not_those_of_training(pictures):
    again = Worlds(0, 1).render(0)
    assert np.array_equal(again.frame.image, pictures[0].frame.image)
    assert [picture.frame.source for picture in pictures] == [f"synthetic:{FIRST + k}" for k in range(2)]
    assert pictures[0].frame.camera != pictures[1].frame.camera


def test_low_and_hidden_objects_are_not_asked_for(pictures):
    picture = pictures[0]
    truth = asked(picture, CLASSES, 30 / 720).detections
    real = len(picture.truth.detections)
    assert np.array_equal(truth.score[:real] > 0, truth.xyxy[:real, 3] - truth.xyxy[:real, 1] >= 30)
    assert 0 < truth.score[:real].sum() < real
    assert len(truth) >= real + len(CLASSES) * len(picture.ignored)
    assert not truth.score[real:].any()


def test_a_rider_is_not_judged_as_a_person(pictures):
    box, cyclist, person = [[100, 100, 140, 200]], CLASSES.index("cyclist"), CLASSES.index("person")
    ridden = Detections(np.array(box, np.float32), np.ones(1, np.float32), np.array([cyclist], np.int32))
    alone = replace(
        pictures[0], truth=replace(pictures[0].truth, detections=ridden), ignored=np.empty((0, 4))
    )
    truth = asked(alone, CLASSES).detections
    assert truth.class_id.tolist() == [cyclist, person]
    assert truth.score.tolist() == [1, 0]
    assert truth.xyxy.tolist() == box * 2


def test_conditions_change_the_picture_but_not_the_drive(pictures):
    worlds = Worlds.parse("synthetic:0:2?conditions=night+ego")
    assert worlds.conditions == Conditions("night", ego=True)
    by_night = worlds.render(0)
    assert by_night.frame.image.mean() < 0.5 * pictures[0].frame.image.mean()
    assert by_night.frame.camera == pictures[0].frame.camera
    assert Worlds.parse("synthetic:0?conditions=day") == Worlds(0)


@pytest.mark.parametrize("name", ["synthetic:7:3", "synthetic:0:2?conditions=night+rain+drops+ego"])
def test_worlds_are_named_as_they_are_asked_for(name):
    assert str(Worlds.parse(name)) == name


def test_the_command_keeps_the_conditions(tiny_bundle, tmp_path):
    found = []
    for name in ("synthetic:1:1", "synthetic:1:1?conditions=night"):
        evaluate([name], Settings(replace(REPRODUCIBLE, bundle=tiny_bundle)), HERE, tmp_path / "worlds.json")
        found.append(json.loads((tmp_path / "worlds.json").read_text())["metrics"])
    assert found[0] != found[1]


def test_other_conditions_are_refused():
    with pytest.raises(DataError, match=r"night\+rain\+ego"):
        Worlds.parse("synthetic:0?conditions=nacht")


@pytest.mark.parametrize(
    "text", ["synthetic:", "synthetic:x", "synthetic:1:0", "synthetic:1:2:3", "synthetic:-1"]
)
def test_other_names_of_worlds_are_refused(text):
    with pytest.raises(DataError, match="synthetic:SEED"):
        Worlds.parse(text)


def test_names():
    assert Worlds.parse("synthetic:7:3") == Worlds(7, 3)
    assert Worlds.parse("data/synthetic") is None


def test_the_command_takes_worlds_for_data(tiny_bundle, tmp_path, capsys):
    path = tmp_path / "worlds.json"
    settings = Settings(replace(REPRODUCIBLE, bundle=tiny_bundle), limit=1)
    evaluate(["synthetic:1:2"], settings, HERE, path)
    written = json.loads(path.read_text())
    assert (written["facts"]["limit"], written["pictures"]["synthetic.lanes"]) == (1, 1)
    assert 0 <= written["metrics"]["synthetic.drivable.iou"] < 0.9
    assert "synthetic" in capsys.readouterr().out
