"""What errors say of a wrong file: short, and nothing of its content."""

from __future__ import annotations

import pytest

from calibration.int8.scales import Scales
from perception.camera import CameraModel
from perception.camera_files import read_camera
from perception.errors import PerceptionError, brief
from perception.evaluation.results import read_result
from perception.stages.mount.store import Store

READERS = {
    "a.json": read_camera,
    "a.yaml": read_camera,
    "a.txt": read_camera,
    "camera.json": CameraModel.load,
    "mount.json": Store,
    "scales.json": Scales.read,
    "result.json": lambda path: read_result(path.parent),
}


@pytest.mark.parametrize("name", READERS)
def test_the_bytes_of_a_wrong_file_are_not_told(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x00\x00\x00\x20ftypisom\xff\xfe" * 10_000)
    with pytest.raises(PerceptionError, match=r"got a file that is no text") as error:
        READERS[name](tmp_path / name)
    assert len(str(error.value)) < 400 + len(str(tmp_path))


def test_a_long_reason_is_cut():
    assert brief(KeyError("size")) == "KeyError('size')"
    assert len(brief(ValueError("x" * 100_000))) < 600
