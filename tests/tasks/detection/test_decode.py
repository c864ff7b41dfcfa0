"""Grid cells to boxes in image pixels."""

import numpy as np
import pytest

from perception.bundle import TaskSpec
from perception.errors import BundleError, FrameError
from perception.letterbox import Letterbox
from perception.tasks.detection import CLASSES, Detection
from perception.types import Detections, Frame, Scene

IMAGE, NETWORK = (1280, 720), (640, 384)
THRESHOLD = dict.fromkeys(CLASSES, 0.5)
PERSON = CLASSES.index("person")


@pytest.fixture
def raw() -> dict[str, np.ndarray]:
    """Outputs of a network that sees nothing."""
    out = {}
    for stride in (8, 16, 32):
        height, width = NETWORK[1] // stride, NETWORK[0] // stride
        out[f"detection.scores{stride}"] = np.full((1, 6, height, width), -8, np.float32)
        out[f"detection.boxes{stride}"] = np.zeros((1, 4, height, width), np.float32)
    return out


def put(raw, stride: int, cell: tuple[int, int], class_id: int, logit: float, ltrb=(1, 1, 1, 1)) -> None:
    raw[f"detection.scores{stride}"][0, class_id][cell] = logit
    raw[f"detection.boxes{stride}"][0][(slice(None), *cell)] = np.log(ltrb)


def found(raw, **settings) -> Detections:
    task = Detection(
        TaskSpec("detection", CLASSES, tuple(raw), settings={"threshold": THRESHOLD, **settings})
    )
    frame, box = Frame(np.zeros((720, 1280, 3), np.uint8), 0, 0), Letterbox.fit(IMAGE, NETWORK)
    detections = task.decode(raw, frame, box, Scene(0, 0, IMAGE)).detections
    assert detections is not None
    return detections


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_a_cell_gives_its_box_in_image_pixels(raw, stride):
    put(raw, stride, (5, 7), PERSON, 2.0, (1, 2, 1, 2))
    got = found(raw)
    x, y = 7.5 * stride, 5.5 * stride - 12  # 12 rows of border above the image
    want = 2 * np.array([[x - stride, y - 2 * stride, x + stride, y + 2 * stride]])
    np.testing.assert_allclose(got.xyxy, want.clip(0), rtol=1e-5)
    np.testing.assert_allclose(got.score, 1 / (1 + np.exp(-2.0)), rtol=1e-6)
    assert got.class_id.tolist() == [PERSON]


def test_nothing_seen_is_empty(raw):
    assert len(found(raw)) == 0


def test_each_class_has_its_threshold(raw):
    put(raw, 16, (3, 3), 0, 1.0)  # 0.73
    put(raw, 16, (20, 30), 5, 1.0)
    assert found(raw, threshold={**THRESHOLD, "vehicle": 0.8}).class_id.tolist() == [5]


def test_best_first_and_never_more_than_asked_for(raw):
    for k, logit in enumerate([1.0, 3.0, 2.0]):
        put(raw, 8, (20, 20 * k), 0, logit)
    np.testing.assert_allclose(found(raw, max_objects=2).score, 1 / (1 + np.exp([-3.0, -2.0])), rtol=1e-6)


def test_neighbouring_cells_and_levels_agree_on_one_object(raw):
    put(raw, 8, (20, 20), 0, 2.0, (5, 5, 5, 5))
    put(raw, 8, (20, 21), 0, 3.0, (6, 5, 4, 5))
    put(raw, 16, (10, 10), 0, 1.0, (2.5, 2.5, 2.5, 2.5))
    assert len(found(raw)) == 1
    assert len(found(raw, nms_iou=1.0)) == 3


def test_classes_do_not_suppress_each_other(raw):
    put(raw, 8, (20, 20), 0, 2.0)
    put(raw, 8, (20, 20), 1, 2.0)
    assert found(raw).class_id.tolist() == [0, 1]


def test_a_box_outside_the_image_is_dropped(raw):
    put(raw, 8, (0, 40), 0, 2.0, (1, 0.4, 1, 0.4))  # within the border above the image
    assert len(found(raw)) == 0


def test_a_frame_full_of_objects_is_bounded(raw):
    for stride in (8, 16, 32):
        raw[f"detection.scores{stride}"][:] = 4
    assert 0 < len(found(raw)) <= 100


def test_outputs_of_other_classes_are_refused(raw):
    raw["detection.scores16"] = raw["detection.scores16"][:, :3]
    with pytest.raises(FrameError, match="expected 6 score and 4 box channels at stride 16, got 3 and 4"):
        found(raw)


@pytest.mark.parametrize(
    "threshold",
    [
        0.5,
        [0.5],
        {},
        {**THRESHOLD, "person": "0.5"},
        {**THRESHOLD, "person": 1.5},
        {**THRESHOLD, "tram": 0.5},
    ],
)
def test_thresholds_must_fit_the_classes(raw, threshold):
    with pytest.raises(BundleError, match=r"correct settings.threshold in model\.json"):
        found(raw, threshold=threshold)
