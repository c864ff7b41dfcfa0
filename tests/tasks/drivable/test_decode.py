"""Logits to a class map that covers the image and nothing else."""

import numpy as np
import pytest

from perception.bundle import TaskSpec
from perception.letterbox import Letterbox
from perception.tasks.drivable import CLASSES, Drivable
from perception.types import ClassMap, Frame, Scene

NETWORK = (640, 384)


def shuffled(logits: np.ndarray) -> np.ndarray:
    return np.stack([logits[dy::2, dx::2] for dy in range(2) for dx in range(2)])


def found(logits: np.ndarray, size: tuple[int, int], threshold: float = 0.5) -> ClassMap:
    task = Drivable(TaskSpec("drivable", CLASSES, ("drivable.map",), settings={"threshold": threshold}))
    frame = Frame(np.zeros((size[1], size[0], 3), np.uint8), 0, 0)
    raw = {"drivable.map": shuffled(logits)[None].astype(np.float32)}
    area = task.decode(raw, frame, Letterbox.fit(size, NETWORK), Scene(0, 0, size)).drivable
    assert area is not None
    return area


@pytest.mark.parametrize("size", [(1280, 720), (480, 360), (320, 227), (300, 900)])
def test_the_map_covers_the_image_without_its_border(size):
    box = Letterbox.fit(size, NETWORK)
    inside = np.full((384, 640), -4.0)
    box.inside(inside)[:] = 4
    area = found(inside[::2, ::2], size)
    assert area.labels.shape == box.inner[::-1]
    assert area.size == size
    assert area.labels[2:-2, 2:-2].all()


def test_an_edge_lies_between_cells():
    logits = np.full((192, 320), -1.0)
    logits[100:] = 2.9  # zero a little over a quarter of the way from the centre of row 99 to that of row 100
    labels = found(logits, (640, 384)).labels
    assert labels.dtype == np.uint8
    assert labels[:, 300].argmax() == 200  # row 200 of 384 has its centre at 100.25 cells, 199 at 99.75
    assert found(logits, (640, 384), threshold=0.3).labels[:, 300].argmax() == 199


def test_nothing_drivable_is_a_map_of_background():
    assert not found(np.full((192, 320), -9.0), (1280, 720)).labels.any()
