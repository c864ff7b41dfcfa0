"""The kinds of added tasks: from scores to a scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from perception.bundle import TaskSpec
from perception.crop import Crop
from perception.errors import BundleError
from perception.kernels.launch import Results
from perception.letterbox import Letterbox
from perception.stages.track import Track
from perception.tasks.added import cells
from perception.tasks.class_map import MapClassifier, shuffled
from perception.tasks.class_map.field import ClassMapsField
from perception.tasks.image_class import ImageClassifier
from perception.tasks.object_class import ObjectClassifier
from perception.training.added.fit import LOSSES, batch_of
from perception.training.added.views import View
from perception.types import VOID, Detections, Frame, ObjectClasses, Scene, without_finds

BOX = Letterbox.fit((128, 64), (128, 128))  # the image fills rows 32 to 96
FRAME = Frame(np.zeros((64, 128, 3), np.uint8), 0, 0)
SCENE = Scene(0, 0, FRAME.size)
LIGHTS = TaskSpec("light", ("red", "green"), ("light.scores",), ("detection",), kind="object")


def seen(task, maps, scene=SCENE):
    return task.decode({task.outputs[0]: maps[None].astype(np.float32)}, FRAME, BOX, scene)


def test_of_an_image_only_its_own_part_counts():
    task = ImageClassifier(TaskSpec("weather", ("day", "rain"), ("weather.scores",), kind="image"))
    maps = np.zeros((2, 4, 4))
    maps[0, [0, 3]], maps[1, 1:3] = 9, 3
    found = seen(task, maps).image_classes["weather"]
    assert found.score[1] == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-4)


def test_of_an_object_the_largest_score_in_its_box_counts():
    task = ObjectClassifier(TaskSpec(**{**LIGHTS.__dict__, "settings": {"object_id": 4}}))
    maps = np.zeros((2, 32, 32))
    maps[1, 10, 5], maps[0, 20, 20] = 7, 9  # in the first box; in the box of another class
    boxes = np.array([[16, 4, 28, 14], [76, 44, 90, 54]], np.float32)
    detections = Detections(boxes, np.ones(2, np.float32), np.array([4, 1], np.int32))
    scene = Scene(0, 0, FRAME.size, detections)
    found = seen(task, maps, scene).object_classes["light"]
    assert (len(found), found.class_id.tolist()) == (1, [1])


def test_of_a_map_each_place_has_the_best_class():
    spec = TaskSpec("surface", ("sky", "road"), ("surface.maps",), settings={"factor": 2}, kind="map")
    maps = np.zeros((8, 16, 16))
    maps[4:, 8:] = 1
    labels = seen(MapClassifier(spec), maps).class_maps["surface"].labels
    assert labels.shape == (64, 128)
    assert (labels[:32] == 0).all()
    assert (labels[32:] == 1).all()


def test_maps_are_shuffled_as_torch_does():
    maps = np.random.default_rng(0).normal(size=(8, 3, 5)).astype(np.float32)
    np.testing.assert_array_equal(shuffled(maps, 2), torch.pixel_shuffle(torch.from_numpy(maps), 2))


def test_a_box_smaller_than_a_cell_has_one():
    tiny = np.array([[9.0, 9, 10, 10], [500, 500, 501, 501]])
    assert cells(tiny, (4, 4), (32, 32)).tolist() == [[1, 1, 2, 2], [3, 3, 4, 4]]


def test_objects_without_a_class_of_detections_are_refused():
    with pytest.raises(BundleError, match="object_id"):
        ObjectClassifier(LIGHTS)


def test_outside_of_a_crop_nothing_is_known():
    spec = TaskSpec("surface", ("sky", "road"), ("surface.maps",), settings={"factor": 2}, kind="map")
    scene = seen(MapClassifier(spec), np.zeros((8, 16, 16)))
    placed = Crop(0, 0, 0.5, 1).placed(scene, (256, 64)).class_maps
    labels = placed["surface"].labels
    assert (labels[:, :128] == 0).all()
    assert (labels[:, 128:] == VOID).all()
    assert ClassMapsField().to_json(placed, ()) == {"surface": {"sky": 0.5, "road": 0.0}}  # of the image


def test_plates_of_an_object_lie_below_each_other_and_below_that_of_its_track():
    box, one, none = np.array([[40, 20, 200, 100]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int32)
    tasks = [ObjectClassifier(replace(LIGHTS, name=name, settings={"object_id": 4})) for name in ("a", "b")]
    scene = Scene(0, 0, (640, 360), Detections(box, one, none, np.ones(1, np.int64), one * 0))
    scene = replace(scene, object_classes={x.name: ObjectClasses(x.classes, box, none, one) for x in tasks})
    plates = []
    for painter in (*tasks, Track(("car",))):
        canvas = np.zeros((360, 640, 3), np.uint8)
        painter.draw(canvas, scene)
        plates.append(canvas.any(2))
    assert all(plate.any() for plate in plates)
    assert not (np.sum(plates, 0) > 1).any()


def test_of_a_blank_image_nothing_is_said():
    task = ImageClassifier(TaskSpec("weather", ("day", "rain"), ("weather.scores",), kind="image"))
    scene = without_finds(seen(task, np.zeros((2, 4, 4))))
    assert scene.image_classes == {}


@pytest.mark.parametrize("kind", LOSSES)
def test_every_loss_falls_with_the_right_answer(kind):
    labels = np.ones((8, 8), np.uint8) if kind == "map" else None
    ids = np.array([], int) if kind == "map" else np.array([1])
    batch = batch_of([View(np.empty((0, 0, 3)), np.array([[0, 0, 2, 2]])[: len(ids)], ids, labels)])
    right = torch.zeros(1, 8 if kind == "map" else 2, 4, 4)
    right[:, right.shape[1] // 2 :] = 3
    weight = torch.ones(2)
    assert LOSSES[kind](right, batch, weight) < LOSSES[kind](right.flip(1), batch, weight)


def test_a_device_gives_their_outputs_as_they_are():
    shapes = {"weather.scores": (1, 5, 4, 4), "lanes.map": (1, 32, 16, 16)}
    results = Results.of(shapes, (128, 128))
    buffer = np.zeros(results.nbytes, np.uint8)
    place = results.places["weather.scores"]
    buffer[place.begin : place.end].view(np.float32)[:] = 7
    found = results.read(buffer)
    assert (found["weather.scores"] == np.full((1, 5, 4, 4), 7)).all()
    assert "lanes.map" not in found
