"""Labelled drives with a plot, recorded ones with numbers, and videos without labels."""

from dataclasses import replace

import numpy as np
import pytest

from perception.errors import DataError, SourceError
from perception.labels import open_labelled
from perception.labels.drive import truth_of
from perception.sources import open_source
from perception.synthetic.scenarios import SCENARIOS
from perception.tasks import TASKS
from perception.types import Detections, Scene
from tests.sources.clips import picture, write_video

CLASSES = {name: task.about.spec.classes for name, task in TASKS.items()}


def test_a_scenario_has_tracks_metres_and_events():
    (drive,) = open_labelled("scenario:follow:0:2")
    (first, one), (second, two) = drive
    assert (drive.name, first.seq, second.seq) == ("scenario-follow-0", 0, 1)
    assert "lead" in {x.name for x in one.moving.happenings}
    assert set(one.moving.number.tolist()) & set(two.moving.number.tolist())
    assert len(one.moving.road) == len(one.moving.velocity) == len(one.moving.name)


def test_all_is_one_of_each_and_a_part_is_the_whole_drive():
    drives = open_labelled("scenario:all:3")
    assert [drive.name for drive in drives] == [f"scenario-{name}-3" for name in SCENARIOS]
    assert drives[0].parts(5) == [drives[0]]


@pytest.mark.parametrize("text", ["scenario:dance:1", "scenario:all", "scenario:cut_in:1:0"])
def test_an_unknown_scenario_says_which_there_are(text):
    with pytest.raises(DataError, match=r"cut_in, departure"):
        open_labelled(text)


def test_a_scenario_is_a_source_too():
    source = open_source("scenario:calm:1:1")
    (frame,) = source
    assert (frame.source, frame.ego.speed) == ("scenario:calm:1", pytest.approx(source.world.speed, rel=0.05))
    with pytest.raises(SourceError, match="expected one of calm"):
        open_source("scenario:dance:1")


def test_a_video_without_labels_can_be_opened(tmp_path):
    path = write_video(tmp_path / "clip.mp4", [picture(k) for k in range(4)])
    (drive,) = open_labelled(str(path))
    frames = list(drive)
    assert (drive.name, len(frames)) == ("clip", 4)
    assert frames[0][1].moving is None


def test_pictures_without_labels_are_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises((DataError, SourceError)):
        open_labelled(f"video:{tmp_path}/a.png")


def test_a_recorded_drive_whose_truth_has_numbers_is_judged_over_time():
    found = Detections(
        np.float32([(0, 0, 9, 9), (5, 5, 8, 8)]), np.float32([1, 0]), np.int32([0, 0]), np.array([7, -1])
    )
    scene = Scene(0, 0, (64, 48), found)
    moving = truth_of(scene, CLASSES).moving
    assert moving.number.tolist() == [7, -1]
    assert moving.xyxy.tolist() == [[0, 0, 9, 9], [5, 5, 8, 8]]
    assert truth_of(replace(scene, detections=replace(found, track=None)), CLASSES).moving is None
