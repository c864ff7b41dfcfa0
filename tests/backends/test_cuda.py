"""The networks between the kernels, with networks that answer what a test says, on kernels built by g++."""

from __future__ import annotations

import numpy as np
import pytest

from perception.backends.cuda import CudaBackend, Settings
from perception.errors import FrameError
from perception.kernels.launch import MAX_SIGNS
from perception.letterbox import Letterbox
from perception.preprocess.cuda import CudaPreprocess
from tests.conftest import SHAPES, SIZE
from tests.kernels.host_device import HostDevice

IMAGE = np.full((183, 321, 3), 90, np.uint8)
BOX = Letterbox.fit((321, 183), SIZE)
CLASSES, SIGN = 43, 5


class Answers:
    """A network in the device's memory whose outputs have one value, but for `at`: name -> (index, value)."""

    def __init__(self, device, inputs, outputs, value=-9.0, at=()):
        self.inputs = {name: (shape, np.dtype(np.float32)) for name, shape in inputs.items()}
        self.outputs = {name: (shape, np.dtype(np.float32)) for name, shape in outputs.items()}
        self._device, self._value, self._at, self._places = device, value, dict(at), {}
        self.runs, self.closed = 0, False

    def bind(self, name, array):
        self._places[name] = array

    def run(self):
        self.runs += 1
        for name in self.outputs:
            values = np.full(self._places[name].shape, self._value, np.float32)
            if name in self._at:
                index, value = self._at[name]
                values[index] = value
            self._device.upload(self._places[name], values)

    def close(self):
        self.closed = True


def seen(at=(), signs=True, **settings):
    """What the device gives for IMAGE, and the two networks."""
    device = HostDevice()
    main = Answers(device, {"image": (1, 3, SIZE[1], SIZE[0])}, SHAPES, at=at)
    crops = Answers(device, {"crops": (MAX_SIGNS, 3, 64, 64)}, {"signs.logits": (MAX_SIGNS, CLASSES)}, 1.5)
    settings = {
        "thresholds": np.zeros(6, np.float32),
        "area": 0.0,
        "lanes": True,
        "sign": SIGN,
    } | settings
    backend = CudaBackend(device, Settings(**settings), main, crops if signs else None)
    return backend(CudaPreprocess(device, lambda size: backend.tensor)(IMAGE, BOX)), main, crops


def test_pictures_of_two_sizes_share_one_buffer():
    device = HostDevice()
    tensor = device.allocate((1, 3, SIZE[1], SIZE[0]), np.float32)
    preprocess, taken = CudaPreprocess(device, lambda size: tensor), []
    for turn in range(3):
        for size in ((90, 50), (333, 77)):
            image = np.full((size[1], size[0], 3), 10 * turn, np.uint8)
            frame = preprocess(image, Letterbox.fit(size, SIZE))
            np.testing.assert_array_equal(device.get(frame.image), image)
        taken.append(device.allocated)
    assert taken[0] == taken[1] == taken[2]


def test_a_frame_without_anything():
    found, main, crops = seen()
    assert found["detection.objects"].shape == (0, 6)
    assert not found["drivable.labels"].any()
    assert not len(found["lanes.cells"])
    assert not len(found["lanes.edge_cells"])
    assert found["signs.logits"].shape == (MAX_SIGNS, CLASSES)
    assert (main.runs, crops.runs) == (1, 1)


def test_an_object_in_its_place():
    sides = (0, slice(None), 10, 20), 0.5
    found, _, _ = seen({"detection.scores16": ((0, 2, 10, 20), 4.0), "detection.boxes16": sides})
    ((x1, y1, x2, y2, score, class_id),) = found["detection.objects"]
    scale = BOX.scale
    assert ((x1 + x2) / 2 * scale[0], (y1 + y2) / 2 * scale[1]) == pytest.approx(
        (20.5 * 16 - BOX.offset[0], 10.5 * 16 - BOX.offset[1]), abs=0.01
    )
    assert (score, class_id) == (pytest.approx(1 / (1 + np.exp(-4.0))), 2)


def test_cells_of_lines_and_of_edges():
    found, _, _ = seen({"lanes.map": ((0, 2, 7, 5), 3.0), "lanes.edges": ((0, 1, 7, 5), 2.0)})
    width = SIZE[0] // 2
    assert (found["lanes.cells"].tolist(), found["lanes.logits"].tolist()) == ([15 * width + 10], [3.0])
    assert (found["lanes.edge_cells"].tolist(), found["lanes.edge_logits"].tolist()) == (
        [14 * width + 11],
        [2.0],
    )


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_not_finite_is_a_failed_frame(name, value):
    with pytest.raises(FrameError, match="expected finite network outputs"):
        seen({name: ((0, 0, 0, 0), value)})


def test_what_was_not_asked_for_is_not_done():
    found, _, crops = seen(signs=False, thresholds=None, area=None, sign=None)
    assert not crops.runs
    assert "signs.logits" not in found
