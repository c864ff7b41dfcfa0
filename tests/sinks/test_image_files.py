"""Painted images and class maps: one file a frame, under the right name."""

import cv2
import numpy as np
import pytest

from perception.sinks import Maps, OverlayImages
from perception.sinks.files import Stems
from perception.types import ClassMap, LaneLine, Scene
from tests.sinks.fakes import TASKS, FakeStage, empty, frame, full


def names(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("front.png", "front"),
        ("a.b.JPG", "a.b"),
        ("clip.mp4", "000007"),
        ("synthetic:3", "000007"),
        ("", "000007"),
    ],
)
def test_files_are_named_after_the_image_or_the_frame(tmp_path, source, stem):
    of = frame(7, source=source)
    OverlayImages(tmp_path / "overlay", TASKS).write(of, empty(of))
    Maps(tmp_path / "maps").write(of, full(of))
    assert names(tmp_path / "overlay") == [f"{stem}.jpg"]
    assert names(tmp_path / "maps") == [f"{stem}.drivable.png", f"{stem}.lanes.png"]


def test_images_of_one_name_do_not_overwrite_each_other(tmp_path):
    sink = OverlayImages(tmp_path, TASKS)
    for seq in (0, 1, 2):
        sink.write(frame(seq, source="front.png"), empty(frame(seq)))
    assert names(tmp_path) == ["front-1.jpg", "front-2.jpg", "front.jpg"]


def test_the_name_that_another_image_has_already_is_no_substitute():
    stems = Stems()
    sources = ["img-2.jpg", "img.jpg", "img.png", "img-2-2.jpg", "b/img-2.jpg"]
    assert [stems(frame(seq, source=source)) for seq, source in enumerate(sources)] == [
        *("img-2", "img", "img-2-2", "img-2-2-3", "img-2-4"),
    ]


def test_a_painted_image_shows_tasks_and_stages(tmp_path):
    OverlayImages(tmp_path, [*TASKS, FakeStage()]).write(frame(source="a.png"), empty(frame()))
    got = cv2.imread(str(tmp_path / "a.jpg"))
    assert got.shape == (64, 96, 3)
    np.testing.assert_allclose(got[48:60, 60:90].mean(axis=(0, 1)), (0, 0, 255), atol=20)
    np.testing.assert_allclose(got[48:60, 6:36].mean(axis=(0, 1)), (255, 0, 0), atol=20)


def test_every_pixel_takes_the_class_of_its_cell(tmp_path):
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    scene = Scene(0, 0, (96, 64), drivable=ClassMap(labels, (96, 64)))
    Maps(tmp_path).write(frame(source="a.png"), scene)
    got = cv2.imread(str(tmp_path / "a.drivable.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(got, np.repeat(np.repeat(labels, 32, 0), 32, 1))


def lane_map(tmp_path, kind, size=(640, 384)):
    line = LaneLine(np.array([[size[0] / 2, size[1]], [size[0] / 2, 0]], np.float32), None, 0.9, kind)
    Maps(tmp_path).write(frame(size=size, source="a.png"), Scene(0, 0, size, lanes=(line,)))
    return cv2.imread(str(tmp_path / "a.lanes.png"), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize(("kind", "label"), [(0, 1), (1, 1), (2, 2)])
def test_a_lane_is_drawn_with_its_kind(tmp_path, kind, label):
    assert np.unique(lane_map(tmp_path, kind)).tolist() == [0, label]


@pytest.mark.parametrize(("size", "width"), [((640, 384), 4), ((1280, 720), 8), ((320, 240), 2)])
def test_a_lane_is_centred_on_its_points_and_as_wide_as_told(tmp_path, size, width):
    columns = np.flatnonzero(lane_map(tmp_path, 1, size)[size[1] // 2])
    assert abs(len(columns) - width) <= 1
    assert abs(columns.mean() + 0.5 - size[0] / 2) <= 0.5


def test_the_surer_line_lies_on_top(tmp_path):
    points = np.array([[0, 32], [96, 32]], np.float32)
    lines = (LaneLine(points, None, 0.9, 2), LaneLine(points, None, 0.5, 1))
    Maps(tmp_path).write(frame(source="a.png"), Scene(0, 0, (96, 64), lanes=lines))
    assert cv2.imread(str(tmp_path / "a.lanes.png"), cv2.IMREAD_UNCHANGED).max() == 2


def test_a_line_of_one_point_and_no_lines_are_fine(tmp_path):
    lines = (LaneLine(np.array([[5, 5]], np.float32), None, 0.9, 1),)
    sink = Maps(tmp_path)
    sink.write(frame(source="a.png"), Scene(0, 0, (96, 64), lanes=lines))
    sink.write(frame(source="b.png"), Scene(0, 0, (96, 64), lanes=()))
    assert not cv2.imread(str(tmp_path / "b.lanes.png"), cv2.IMREAD_UNCHANGED).any()


def test_tasks_that_did_not_run_have_no_map(tmp_path):
    Maps(tmp_path).write(frame(), empty(frame()))
    assert names(tmp_path) == []


def test_all_maps_of_a_frame_are_of_one_run(tmp_path):
    for name in ("a.class_maps.png", "a.lanes.png", "a.jpg.png", "b.lanes.png"):
        (tmp_path / name).write_bytes(b"older")
    Maps(tmp_path).write(frame(source="a.png"), Scene(0, 0, (96, 64), lanes=()))
    assert names(tmp_path) == ["a.jpg.png", "a.lanes.png", "b.lanes.png"]
    assert (tmp_path / "a.lanes.png").read_bytes() != b"older"
