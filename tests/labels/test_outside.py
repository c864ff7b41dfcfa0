"""The pictures of what is no known sign."""

from __future__ import annotations

import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest

from perception.labels.folder import read_folder
from perception.labels.outside import KEEP_MEANING, outside
from perception.labels.rows import read_image
from perception.synthetic.foreign import FAMILIES, UNSEEN


@pytest.fixture
def many(folder):
    """Of the made-up data, with a thousand sign crops: as many others at most."""
    dataset = read_folder(folder, "val")
    return replace(dataset, crops=dataset.crops * 500)


def test_all_kinds_are_there_and_the_same_every_time(many):
    one, two = ([still.read(k) for k, still in enumerate(outside(many))] for _ in range(2))
    kinds = [truth.crop.outside for _, truth in one]
    assert set(kinds) == {"unseen", "drawn", "photographs", "turned"}
    assert kinds.count("unseen") >= 20 * len(UNSEEN)
    assert kinds.count("drawn") >= 10 * len(FAMILIES)
    assert all(np.array_equal(a.image, b.image) for (a, _), (b, _) in zip(one, two, strict=True))


def test_their_truth_is_no_class(many):
    for still in outside(many)[::40]:
        frame, truth = still.read(0)
        signs = truth.crop.signs(43)
        x1, y1, x2, y2 = signs.xyxy[0]
        assert signs.score.tolist() == [0]
        assert 0 <= x1 < x2 <= frame.size[0]
        assert 0 <= y1 < y2 <= frame.size[1]


def test_there_are_no_more_than_sign_crops(folder):
    dataset = read_folder(folder, "val")
    assert len(outside(dataset)) == len(dataset.crops)
    assert not outside(replace(dataset, crops=()))


def test_patches_show_no_labelled_sign(folder):
    white = np.full((64, 96, 3), 20, np.uint8)
    white[5:25, 60:80] = 255
    cv2.imwrite(str(folder / "town/images/a.png"), white)
    dataset = read_folder(folder, "val")
    found = outside(replace(dataset, crops=dataset.crops * 500))
    cuts = [s.crop for s in found if getattr(s, "crop", None) and s.crop.image.name == "a.png"]
    assert cuts
    for x1, y1, x2, y2 in (cut.xyxy for cut in cuts):
        assert not (white[int(y1) : int(y2), int(x1) : int(x2)] == 255).any()


def test_signs_are_turned_with_their_boxes(folder):
    dataset = read_folder(folder, "val")
    crop = replace(dataset.crops[0], name="stop", xyxy=(2, 4, 20, 30))
    turned = next(s for s in outside(replace(dataset, crops=(crop,) * 999)) if getattr(s, "turned", False))
    frame, truth = turned.read(0)
    before = read_image(crop.image)
    assert 14 not in KEEP_MEANING
    assert np.array_equal(frame.image[::-1, ::-1], before)
    assert truth.crop.xyxy == (
        before.shape[1] - 20,
        before.shape[0] - 30,
        before.shape[1] - 2,
        before.shape[0] - 4,
    )


def test_they_can_be_sent_to_a_worker(many):
    assert pickle.loads(pickle.dumps(outside(many))) == outside(many)
