"""Frames through the whole pipeline on the fake device: pycuda and the kernels are real, TensorRT is not."""

from __future__ import annotations

import io
import logging
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from deploy.engine_command import build_engines
from perception import bundle as bundles
from perception.cli import app
from perception.crop import Crop
from perception.load import load
from perception.sources import open_source
from perception.types import Frame, Scene
from tests.gpu.on_fake import BUILD, count, on_fake
from tests.gpu.tensorrt_fake import fake_tensorrt

FRAMES = 3
ENGINES = BUILD / "cache" / "perception" / "engines"


def frames() -> list[Frame]:
    with closing(open_source("synthetic:3")) as source:
        return [frame for frame, _ in zip(source, range(FRAMES), strict=False)]


def quantised() -> Path:
    """The shipped bundle, which has files for TensorRT."""
    assert "trt.int8" in bundles.read(bundles.SHIPPED).files
    return bundles.SHIPPED


@contextmanager
def both(tasks: list[str] | None = None) -> Iterator[tuple]:
    """The pipelines on the fake device and on the processor, of the same file."""
    with fake_tensorrt():
        folder = quantised()
        built(folder, tasks)
        with (
            closing(load(folder, "cuda", tasks)) as there,
            closing(load(folder, "cpu", tasks, "trt.int8")) as here,
        ):
            yield there, here


def built(folder: Path, tasks: list[str] | None = None) -> None:
    with redirect_stderr(io.StringIO()):  # its table
        build_engines(folder, tasks=tasks, check=False)


def same(a: Scene, b: Scene) -> None:
    assert a.detections.class_id.tolist() == b.detections.class_id.tolist()
    np.testing.assert_allclose(a.detections.xyxy, b.detections.xyxy, atol=1)
    np.testing.assert_allclose(a.detections.score, b.detections.score, atol=0.01)
    assert (a.drivable.labels == b.drivable.labels).mean() > 0.999
    assert [line.kind for line in a.lanes] == [line.kind for line in b.lanes]
    for x, y in zip(a.lanes, b.lanes, strict=True):
        np.testing.assert_allclose(x.image, y.image, atol=1)
    assert a.signs.class_id.tolist() == b.signs.class_id.tolist()


@on_fake()
def test_the_scenes_are_those_of_the_processor():
    with both() as (there, here):
        seen = 0
        for frame in frames():
            a, b = there(frame), here(frame)
            same(a, b)
            seen += len(a.detections) + len(a.lanes) + len(a.signs)
        assert seen > 5 * FRAMES


@on_fake()
def test_a_frame_is_one_upload_one_download_and_one_wait():
    with both() as (there, _):
        frame = frames()[0]
        there(frame)
        kinds = ("uploads", "downloads", "synchronises")
        before = [count(kind) for kind in kinds]
        there(frame)
        assert [count(kind) - n for kind, n in zip(kinds, before, strict=True)] == [1, 1, 1]


@on_fake(FAKECUDA_INTEGRATED="1")
def test_on_an_integrated_device_nothing_is_uploaded():
    with both() as (there, _):
        frame = frames()[0]
        there(frame)
        before = count("uploads")
        assert there(frame).drivable.labels.any()
        assert count("uploads") == before


@on_fake()
def test_some_tasks_alone():
    with both(["lanes"]) as (there, here):
        a, b = there(frames()[0]), here(frames()[0])
        assert a.detections is a.drivable is a.signs is None
        assert len(a.lanes) == len(b.lanes) > 0


@on_fake()
def test_a_camera_may_change_its_size():
    with both() as (there, here):
        frame = frames()[0]
        small = replace(frame, image=cv2.resize(frame.image, (960, 540)))
        for one in (frame, small, frame):
            same(there(one), here(one))


def differently(frame: Frame) -> Frame:
    """The same by a camera of another shape, which is wider."""
    camera = frame.camera and replace(frame.camera, size=(1280, 360), cy=frame.camera.cy - 360)
    return replace(frame, image=np.ascontiguousarray(frame.image[360:, :]), camera=camera)


@on_fake()
def test_a_camera_of_another_shape_is_seen_at_its_own_size_once_there_is_an_engine():
    shutil.rmtree(ENGINES, ignore_errors=True)
    with both() as (there, here), watched_log() as log:
        frame = differently(frames()[0])
        assert there.size_for(frame.size) == (640, 384)
        assert there.size_for((1280, 720)) == (640, 384)
        (text,) = log
        assert "perception engine --input-size 960x256" in text
        with redirect_stderr(io.StringIO()):
            build_engines(quantised(), check=False, input_size="960x256")
        with closing(load(quantised(), "cuda")) as pipeline:
            assert pipeline.size_for(frame.size) == here.size_for(frame.size) == (960, 256)
            for one in (frame, frames()[0], frame):
                same(pipeline(one), here(one))


@on_fake()
def test_engines_are_found_however_they_were_built():
    with fake_tensorrt(version="11.4.0.106", FAKE_TENSORRT_DLA="2"):
        for way in ({"workspace_mb": 256}, {"dla": 1}, {}):
            shutil.rmtree(ENGINES, ignore_errors=True)  # each must be found by itself
            with redirect_stderr(io.StringIO()):
                build_engines(quantised(), check=False, **way)
            with closing(load(quantised(), "cuda")) as pipeline:
                assert pipeline(frames()[0]).drivable.labels.any()
    shutil.rmtree(ENGINES)


@contextmanager
def watched_log() -> Iterator[list[str]]:
    """What `perception.load` warns of."""
    texts: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: texts.append(record.getMessage())
    logger = logging.getLogger("perception.load")
    logger.addHandler(handler)
    yield texts
    logger.removeHandler(handler)


@on_fake()
def test_a_part_of_the_image():
    with both() as (there, here):
        there.crop = here.crop = Crop.parse("0.1,0.1,0.8,0.8")
        frame = frames()[0]
        same(there(frame), here(frame))
        assert not there(frame).drivable.labels[:72].any()


def refused(*wish, **size) -> str:
    """Why it cannot be loaded; the error itself, whose frames would keep a device, does not stay."""
    from perception.errors import BackendUnavailable

    try:
        load(*wish, **size)
    except BackendUnavailable as error:
        return str(error)
    return ""


@on_fake()
def test_the_command_that_is_named_builds_what_is_missing():
    wish = (bundles.folder("road-open"), "cuda", ["lanes"], "fp32")
    with fake_tensorrt():
        shutil.rmtree(ENGINES, ignore_errors=True)
        command = shlex.split(
            re.search("`perception (engine [^`]*)`", refused(*wish, input_size="960x256"))[1]
        )
        assert CliRunner().invoke(app, [*command, "--no-check"]).exit_code == 0
        with closing(load(*wish, input_size="960x256")) as pipeline:
            assert pipeline.backend.device == "cuda"
        shutil.rmtree(ENGINES)


@on_fake()
def test_auto_takes_the_device_and_without_an_engine_the_processor():
    from perception.errors import BackendUnavailable

    with fake_tensorrt():
        folder = quantised()
        built(folder)
        with closing(load(folder)) as pipeline:
            assert pipeline.backend.device == "cuda"
        shutil.rmtree(ENGINES)
        with closing(load(folder)) as pipeline:
            assert pipeline.backend.device == "cpu"
        with pytest.raises(BackendUnavailable, match="perception engine"):
            load(folder, "cuda")
