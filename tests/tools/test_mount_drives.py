"""What the tool tells of a drive: how far off the mount is, and when it was said to have moved."""

import math
from dataclasses import replace

import pytest

from perception.synthetic import Knock, Shaking, World
from perception.types import Mount, Scene
from tools.mount_drives import OFF, driven

AT, KNOCK = 1.0, math.radians(2)


def mount(state, camera=None):
    pitch, yaw = (None, None) if camera is None else (camera.pitch, camera.yaw)
    return Mount(state, pitch, yaw, roll=None, height=None)


class Tells:
    """A pipeline that believes the camera file, or says what `seen` says from a second on."""

    def __init__(self, seen=None):
        self.seen, self.files = seen, []

    def reset(self):
        pass

    def __call__(self, frame):
        self.files.append(frame.camera)
        now = frame.stamp_ns / 1e9
        seen = mount("converging", frame.camera) if now < AT else self.seen
        return replace(Scene(frame.seq, frame.stamp_ns, frame.size), mount=seen)


def told(seen=None):
    world = World(3, shaking=Shaking([Knock(AT, KNOCK)], 0.0, 3))
    pipeline = Tells(seen)
    return driven(pipeline, world, seconds=2.0, rate=2.0), world, pipeline


def test_the_camera_file_is_off_and_the_truth_is_that_of_the_moment():
    drive, world, pipeline = told()
    assert [camera.pitch - world.camera.pitch for camera in pipeline.files] == pytest.approx([OFF[0]] * 4)
    assert (drive.pitch_end, drive.yaw_end, drive.said) == (None, None, [])
    camera = world.shaking.mounted(world.camera, 1.5)
    right, *_ = told(mount("moved", camera))
    assert (right.pitch_end, right.yaw_end) == (0, 0)
    wrong, *_ = told(mount("calibrated", world.camera))
    assert abs(wrong.pitch_end) == pytest.approx(2, abs=0.01)


def test_it_is_said_once_when_it_begins():
    assert told(mount("moved"))[0].said == [AT]
