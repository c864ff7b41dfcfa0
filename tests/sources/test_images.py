"""Folders, globs and single pictures."""

import struct

import cv2
import numpy as np
import pytest

from perception.errors import SourceError
from perception.sources import open_source


def save(path, value=100, shape=(6, 8, 3), dtype=np.uint8):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, np.full(shape, value, dtype))[1].tobytes())
    return path


@pytest.fixture
def folder(tmp_path):
    """img9 before img10, a text file and a picture of another kind."""
    for value, name in enumerate(["img10.png", "img9.png", "other.jpg"]):
        save(tmp_path / "drive" / name, value)
    (tmp_path / "drive" / "notes.txt").write_text("not a picture")
    return tmp_path / "drive"


def test_a_folder_is_read_in_natural_order(folder):
    source = open_source(str(folder))
    assert [(f.seq, f.source) for f in source] == [(0, "img9.png"), (1, "img10.png"), (2, "other.jpg")]
    assert (source.images, source.live, source.lost) == (True, False, 0)


def test_a_glob_names_its_files_only(folder):
    assert [f.source for f in open_source(f"{folder}/*.png")] == ["img9.png", "img10.png"]
    assert len(list(open_source(f"{folder.parent}/**/*.png"))) == 2


@pytest.mark.parametrize("name", ["one.png", "ONE.JPG", "what [is] this*.png"])
def test_one_image(tmp_path, name):
    (frame,) = open_source(str(save(tmp_path / name)))
    assert (frame.source, frame.size) == (name, (8, 6))
    np.testing.assert_allclose(frame.image, 100, atol=1)


def test_an_unreadable_image_is_skipped_and_counted(folder, caplog):
    (folder / "img9.png").write_bytes(b"")
    (folder / "img11.png").write_bytes(b"no picture")
    source = open_source(str(folder))
    assert [(f.seq, f.source) for f in source] == [(1, "img10.png"), (3, "other.jpg")]
    assert source.lost == 2
    assert "img9.png" in caplog.text


def test_a_cut_off_image_is_no_surprise(tmp_path):
    whole = save(tmp_path / "a.png", np.arange(8)[:, None], (600, 8, 3)).read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 3])
    save(tmp_path / "b.png")
    assert "b.png" in [f.source for f in open_source(str(tmp_path))]


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(SourceError, match="none of 1 files could be read"):
        list(open_source(str(tmp_path)))


@pytest.mark.parametrize("what", ["", "/*.png", "/none.png"])
def test_no_images_at_all_is_an_error(tmp_path, what):
    with pytest.raises(SourceError, match=r"expected images .* found none; check"):
        open_source(f"{tmp_path}{what}")


PNGS = [((5, 7), np.uint8), ((5, 7, 4), np.uint8), ((5, 7, 3), np.uint16), ((5, 7), np.uint16)]


@pytest.mark.parametrize(("shape", "dtype"), PNGS)
def test_every_kind_of_png_becomes_bgr(tmp_path, shape, dtype):
    full = np.iinfo(dtype).max
    (frame,) = open_source(str(save(tmp_path / "a.png", full, shape, dtype)))
    np.testing.assert_array_equal(frame.image, np.full((5, 7, 3), 255, np.uint8))


def test_a_photo_is_turned_upright(tmp_path):
    jpeg = save(tmp_path / "a.jpg", shape=(40, 80, 3)).read_bytes()
    orientation = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)  # TIFF tag: turn a quarter clockwise to show
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + orientation + bytes(4)
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    (tmp_path / "a.jpg").write_bytes(jpeg[:2] + segment + jpeg[2:])
    (frame,) = open_source(str(tmp_path / "a.jpg"))
    assert frame.size == (40, 80)
