"""A known camera given to a source that does not know its own."""

import numpy as np
import pytest

from perception.camera import CameraModel
from perception.errors import SourceError
from perception.health import Health
from perception.sources import open_source
from perception.sources.calibrated import Calibrated
from perception.sources.ego import WithEgo
from perception.types import Frame
from tests.sources.clips import numbered

CAMERA = CameraModel((1280, 720), 1000, 1100, 640, 360)


class Still:
    """Two frames of different sizes and one shape."""

    live, images, fps, lost, closed = False, True, None, 0, False

    def __iter__(self):
        for seq, (width, height) in enumerate([(1280, 720), (640, 360)]):
            self.lost += 3
            yield Frame(np.zeros((height, width, 3), np.uint8), 0, seq)

    def close(self):
        self.closed = True


def test_every_frame_gets_the_camera_at_its_own_size():
    cameras = [frame.camera for frame in Calibrated(Still(), CAMERA)]
    assert cameras == [CAMERA, CAMERA.scaled((640, 360))]
    assert cameras[1].fy == 550


@pytest.mark.parametrize("size", [(960, 720), (720, 1280), (1280, 736)])
def test_frames_of_another_shape_are_refused(size):
    with pytest.raises(
        SourceError, match=f"camera's shape, {size[0]} x {size[1]}, got 1280 x 720; calibrate"
    ):
        list(Calibrated(Still(), CameraModel(size, 1000, 1000, 640, 360)))


def test_the_rest_is_the_sources_own():
    still = Still()
    source = Calibrated(still, CAMERA)
    losses = [source.lost for _ in source]
    source.close()
    assert (source.live, source.images, losses, still.closed) == (False, True, [3, 6], True)


def test_the_health_of_a_camera_goes_through_and_a_recording_has_none(tmp_path):
    (tmp_path / "motion.csv").write_text("frame,speed_mps\n0,10\n")
    camera = Still()
    camera.health, camera.dropped = Health("front"), 4
    for source in (Calibrated(camera, CAMERA), WithEgo(camera, tmp_path / "motion.csv")):
        assert (source.health, source.dropped) == (camera.health, 4)
    bare = Calibrated(Still(), CAMERA)
    assert (bare.health, bare.dropped) == (None, 0)


def test_a_recording_keeps_its_rate_and_a_camera_has_none(tmp_path):
    recording = Calibrated(open_source(str(numbered(tmp_path / "clip.mp4"))), CAMERA)
    assert recording.fps == 25
    assert Calibrated(Still(), CAMERA).fps is None
