"""The fast way must be the reference, frame after frame, whatever the frames' sizes."""

import numpy as np

from perception.kernels import reference
from perception.letterbox import Letterbox
from perception.preprocess.cpu import CpuPreprocess


def test_it_equals_the_letterbox_when_sizes_change():
    rng = np.random.default_rng(0)
    preprocess = CpuPreprocess()
    for size in [(1280, 720), (640, 360), (720, 1280), (1280, 720), (960, 540), (31, 7), (1, 1), (640, 384)]:
        image = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
        box = Letterbox.fit(size, (640, 384))
        expected = reference.letterboxed(image, box) if size[0] > box.inner[0] else box.apply(image)
        np.testing.assert_array_equal(preprocess(image, box)[0], expected)


def test_the_buffer_is_kept_while_the_size_is():
    preprocess = CpuPreprocess()
    box = Letterbox.fit((100, 80), (64, 64))
    first = preprocess(np.zeros((80, 100, 3), np.uint8), box)
    second = preprocess(np.full((80, 100, 3), 9, np.uint8), box)
    assert second is first
    assert second.max() == 114
    assert second[0, 32, 32, 0] == 9


def test_any_layout_of_an_image_is_taken():
    image = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    box = Letterbox.fit((1280, 720), (640, 384))
    sealed = image.copy()
    sealed.flags.writeable = False
    for same in (image, sealed, np.asfortranarray(image)):
        np.testing.assert_array_equal(CpuPreprocess()(same, box)[0], box.apply(image))
