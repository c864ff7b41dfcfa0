"""The reading of a sign is voted over its track; large crops count more."""

import numpy as np

from perception.stages.readings import KEPT, Readings
from perception.types import Detections, Signs


def sign(size, class_id, track=7):
    box = np.array([[10, 10, 10 + size, 10 + size]], np.float32)
    signs = Signs(box, np.array([class_id], np.int32), np.array([0.8], np.float32))
    return signs, Detections(box, np.ones(1, np.float32), np.zeros(1, np.int32), np.array([track]))


def test_a_large_crop_outvotes_small_ones():
    votes = Readings(4)
    assert votes(*sign(10, 1)).class_id.tolist() == [1]
    assert votes(*sign(60, 2)).class_id.tolist() == [2]
    seen = votes(*sign(20, 1))
    assert (seen.class_id.tolist(), seen.track.tolist()) == ([2], [7])
    assert 0.5 < seen.score[0] < 0.8


def test_a_sign_without_a_track_keeps_its_reading():
    votes = Readings(4)
    votes(*sign(60, 2, track=-1))
    seen = votes(*sign(10, 1, track=-1))
    assert (seen.class_id.tolist(), seen.track.tolist()) == ([1], [-1])


def test_votes_do_not_grow_without_end():
    votes = Readings(4)
    for track in range(3 * KEPT):
        votes(*sign(20, 1, track))
    assert len(votes._votes) == KEPT
