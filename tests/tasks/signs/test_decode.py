"""Sign boxes to what the signs say, with a network that reads the brightness of a crop."""

import numpy as np
import pytest

from perception.bundle import TaskSpec
from perception.errors import BundleError
from perception.letterbox import Letterbox
from perception.tasks.detection import CLASSES as OBJECTS
from perception.tasks.signs import CLASSES, SignReader
from perception.tasks.signs import SIGN as NAME
from perception.types import Detections, Frame, Scene, Signs

IMAGE = (200, 100)
SIGN = OBJECTS.index(NAME)


class Brightness:
    """A Backend: the class is the mean grey of the crop, sure of bright ones only."""

    device = "cpu"
    input_size = (64, 64)

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, tensor: np.ndarray) -> dict[str, np.ndarray]:
        assert tensor.shape[1:] == (64, 64, 3)
        self.calls.append(len(tensor))
        grey = np.rint(tensor.mean(axis=(1, 2, 3))).astype(int)
        logits = np.zeros((len(tensor), len(CLASSES)), np.float32)
        logits[np.arange(len(tensor)), grey] = np.where(grey > 20, 9, 2)
        return {"signs.logits": logits}

    def close(self) -> None:
        pass


def read(
    image: np.ndarray, boxes: list[list[float]], class_id: int = SIGN, **settings: object
) -> tuple[Signs, Brightness]:
    network, told = Brightness(), {"threshold": 0.5, **settings}
    task = SignReader(TaskSpec("signs", CLASSES, (), ("detection",), "signs", told), network)
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    seen = Detections(xyxy, np.ones(len(xyxy), np.float32), np.full(len(xyxy), class_id, np.int32))
    box = Letterbox.fit(IMAGE, (640, 384))
    scene = task.decode({}, Frame(image, 0, 0), box, Scene(0, 0, IMAGE, detections=seen))
    assert scene.signs is not None
    return scene.signs, network


@pytest.fixture
def image() -> np.ndarray:
    image = np.full((100, 200, 3), 10, np.uint8)
    image[:, :60], image[:, 60:120] = 30, 40
    return image


def test_each_sign_is_read_from_its_own_place(image):
    signs, _ = read(image, [[80, 40, 100, 60], [20, 40, 40, 60]])
    assert signs.class_id.tolist() == [40, 30]
    assert signs.xyxy.tolist() == [[80, 40, 100, 60], [20, 40, 40, 60]]
    np.testing.assert_allclose(signs.score, np.exp(9) / (np.exp(9) + 42), rtol=1e-5)


def test_an_unsure_reading_is_left_out(image):
    signs, _ = read(image, [[150, 40, 170, 60], [20, 40, 40, 60]])
    assert signs.class_id.tolist() == [30]


def test_without_a_sign_the_network_rests(image):
    for boxes, class_id in (([], SIGN), ([[20, 40, 40, 60]], 0)):
        signs, network = read(image, boxes, class_id)
        assert len(signs) == 0
        assert network.calls == []


def test_the_bundle_says_which_of_its_objects_are_signs(image):
    assert len(read(image, [[20, 40, 40, 60]], 1, sign_id=1)[0]) == 1
    assert len(read(image, [[20, 40, 40, 60]], SIGN, sign_id=1)[0]) == 0


def test_many_signs_come_in_small_batches(image):
    signs, network = read(image, [[20, 40, 40, 60]] * 37)
    assert len(signs) == 37
    assert network.calls == [16, 16, 5]


def test_a_reader_needs_its_network():
    with pytest.raises(BundleError, match="signs: expected a network of its own"):
        SignReader(TaskSpec("signs", CLASSES, ()))


def test_a_scene_without_detection_is_the_callers_mistake(image):
    task = SignReader(TaskSpec("signs", CLASSES, ()), Brightness())
    with pytest.raises(ValueError, match="run the task detection before"):
        task.decode({}, Frame(image, 0, 0), Letterbox.fit(IMAGE, (640, 384)), Scene(0, 0, IMAGE))
