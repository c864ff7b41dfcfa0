"""The rendered drive as a source."""

import numpy as np
import pytest

from perception.errors import SourceError
from perception.sources import open_source
from perception.sources.synthetic import SyntheticSource


def test_it_gives_calibrated_frames_at_20_a_second():
    source = SyntheticSource(3, frames=3)
    frames = list(source)
    assert [f.seq for f in frames] == [0, 1, 2]
    assert [f.stamp_ns for f in frames] == [0, 50_000_000, 100_000_000]
    assert {f.size for f in frames} == {(1280, 720)}
    assert all(f.camera is not None and f.source == "synthetic:3" for f in frames)
    assert (source.live, source.images, source.lost) == (False, False, 0)


def test_it_can_be_played_again():
    source = SyntheticSource(4, frames=1)
    np.testing.assert_array_equal(next(iter(source)).image, next(iter(source)).image)
    source.close()


@pytest.mark.parametrize(("seed", "frames"), [(-1, 10), (1, 0)])
def test_bad_numbers_say_what_was_expected(seed, frames):
    with pytest.raises(SourceError, match="expected SEED >= 0 and FRAMES >= 1"):
        SyntheticSource(seed, frames)


def test_conditions_are_asked_for_by_name():
    (frame,) = open_source("synthetic:3:1?conditions=night+rain")
    assert frame.image.mean() < next(iter(SyntheticSource(3, 1))).image.mean()
    with pytest.raises(SourceError, match=r"nacht: expected names joined by \+"):
        open_source("synthetic:3?conditions=nacht")
