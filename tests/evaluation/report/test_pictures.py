"""Pictures of frames that are read again: labels painted, what was seen beside them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from perception.backends.scripted import ScriptedBackend
from perception.errors import SourceError
from perception.evaluation.report.pictures import TRUTH, again, paint_truth, shots, view_of, view_of_stored
from perception.labels.labelled import Stills
from perception.labels.own import Picture, pictures
from perception.labels.truth import Truth
from perception.load import load
from perception.pipeline import Pipeline
from perception.sinks.scenes import SceneLines
from perception.types import Detections, Frame, Scene, Signs
from tests.conftest import answers


@pytest.fixture
def tasks(tiny_bundle):
    return load(tiny_bundle, threads=1).tasks


@pytest.fixture
def stills(val):
    return Stills("val", tuple(pictures(val)))


class Film:
    """A drive that cannot be cut; it says which frames were read."""

    name = "film"

    def __init__(self, frames):
        self.frames, self.read = frames, []

    def parts(self, size):
        return [self]

    def __iter__(self):
        for frame, truth in self.frames:
            self.read.append(frame.seq)
            yield frame, truth


def test_truth_is_painted_where_it_is_labelled(val, tasks):
    sample = next(s for s in val.samples if s.image.name == "c1.png")
    _, truth = Picture(sample, val.reads).read(0)
    painted = paint_truth(Frame(np.full((64, 96, 3), 90, np.uint8), 0, 0), truth, tasks)
    assert (painted[:, :5] == 128).all()  # void
    assert (painted[40, 51] == (60, 60, 255)).all()  # paint
    assert (painted[:25, 10:] == 90).all()  # neither
    assert (painted[62, 80] != 90).any()  # drivable


def test_signs_that_nobody_read_are_not_painted(tasks):
    frame = Frame(np.full((64, 96, 3), 90, np.uint8), 0, 0)
    box, score = np.array([[20, 20, 60, 50]], np.float32), np.ones(1, np.float32)
    names = next(task.classes for task in tasks if task.name == "signs")
    said = (Signs(box, np.zeros(1, np.int32), s) for s in (0 * score, score))
    unread, read = (Truth("town", signs=signs, sign_names=names) for signs in said)
    assert (paint_truth(frame, unread, tasks) == 90).all()
    assert (paint_truth(frame, read, tasks) != 90).any()


def test_unrelated_pictures_are_opened_one_by_one(stills):
    assert [frame.seq for frame, _ in again(stills, [1, 3])] == [1, 3]
    (stills.items[0].sample.image).unlink()
    assert [frame.seq for frame, _ in again(stills, [1])] == [1]
    assert not list(again(stills, [99])), "there were more pictures when they were judged"


def test_a_drive_is_read_up_to_its_last_wanted_frame(stills):
    film = Film(list(stills))
    assert [frame.seq for frame, _ in again(film, [0, 2])] == [0, 2]
    assert film.read == [0, 1, 2]
    assert not list(again(film, []))


def test_every_view_is_shown_beside_the_truth(stills, tasks):
    bare = lambda drive, frame, truth: frame.image  # noqa: E731
    wanted = {("val", 2): stills.items[2].sample.image.name, ("val", 1): "other.png", ("elsewhere", 0): ""}
    found = shots(wanted, [stills], {"before": bare, "after": bare}, tasks)
    assert {key: list(images) for key, images in found.items()} == {("val", 2): [TRUTH, "before", "after"]}
    picture = cv2.imdecode(np.frombuffer(found["val", 2]["after"], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (64, 96, 3)


def test_what_the_pipeline_sees_is_painted(val, tiny_bundle):
    loaded = load(tiny_bundle, tasks=["drivable"], threads=1)
    seeing = Pipeline(ScriptedBackend([answers(drivable=9.0)]), loaded.preprocess, loaded.tasks)
    frame, truth = Picture(val.samples[0], val.reads).read(0)
    assert (view_of(seeing)("val", frame, truth) != frame.image).any()
    broken = Frame(np.zeros((4, 4), np.uint8), 0, 0)
    assert view_of(seeing)("val", broken, truth) is broken.image


def test_stored_scenes_are_painted(stills, tasks, tmp_path):
    frame, truth = next(iter(stills))
    found = Detections(
        np.array([[10, 10, 60, 50]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int32)
    )
    sink = SceneLines(tmp_path / "val.jsonl", tasks)
    sink.write(frame, Scene(0, 0, frame.size, found))
    sink.close()
    view = view_of_stored(tmp_path, tasks)
    assert (view("val", frame, truth) != frame.image).any()
    assert view("val", replace(frame, seq=5), truth) is frame.image
    with pytest.raises(SourceError):
        view("other", frame, truth)
