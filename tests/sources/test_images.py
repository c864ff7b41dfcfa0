"""Folders, globs and single pictures."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from perception.errors import SourceError
from perception.sources import open_source
from perception.sources.foreign import is_animated


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


def test_the_folder_that_one_is_in(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert [len(list(open_source(text))) for text in (".", "./", "*.png", "**")] == [3, 3, 2, 3]


def test_a_glob_names_its_files_only(folder):
    assert [f.source for f in open_source(f"{folder}/*.png")] == ["img9.png", "img10.png"]
    assert len(list(open_source(f"{folder.parent}/**/*.png"))) == 2


@pytest.mark.parametrize("pattern", ["*.png", "*/*.png", "**/a.png", "s?b/[a-b].png"])
def test_a_pattern_below_a_folder_with_brackets(tmp_path, pattern):
    save(tmp_path / "d [1]" / "a.png")
    save(tmp_path / "d [1]" / "sub" / "a.png")
    assert {f.source for f in open_source(f"{tmp_path}/d [1]/{pattern}")} == {"a.png"}


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


@pytest.mark.parametrize(
    ("name", "start", "kind"),
    [
        ("b.HEIC", b"\0\0\0\x18ftypheic", "HEIC"),
        ("b.jxl", b"\xff\x0a", "JPEG XL"),
        ("b.png", b"\xff\x0a", "JPEG XL"),
    ],
)
def test_a_picture_of_a_foreign_kind_is_named_and_counted(folder, caplog, name, start, kind):
    (folder / name).write_bytes(start + bytes(99))
    source = open_source(str(folder))
    assert [f.source for f in source] == ["img9.png", "img10.png", "other.jpg"]
    assert source.lost == 1
    assert f"{name}: expected an image, got {kind}; convert" in caplog.text
    with pytest.raises(SourceError, match=r"none of 1 files could be read: .* convert"):
        list(open_source(str(folder / name)))


def test_a_jpeg_that_is_called_heic_is_a_jpeg(tmp_path):
    save(tmp_path / "a.jpg").rename(tmp_path / "a.HEIC")
    assert [f.size for f in open_source(str(tmp_path))] == [(8, 6)]


def deep(path, value, brightest):
    image = np.full((6, 8, 3), value, np.uint16)
    image[0, 0] = brightest
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), image)


@pytest.mark.parametrize(("brightest", "shown"), [(2000, 125), (4095, 125), (4096, 8), (65535, 8)])
def test_what_is_white_is_one_for_all_pictures_and_is_said(tmp_path, caplog, brightest, shown):
    for k in range(20):
        deep(tmp_path / f"{k}.png", 2000, brightest if k == 19 else 2000)
    assert {int(f.image[3, 3, 0]) for f in open_source(str(tmp_path))} == {shown}
    assert caplog.text.count("white is") == 1
    assert f"white is {4095 if shown == 125 else 65535} in these 16-bit pictures" in caplog.text


def test_an_animation_says_that_its_first_picture_is_read(tmp_path, caplog):
    save(tmp_path / "a.png")
    png = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(png[:33] + chunk(b"acTL", struct.pack(">II", 2, 0)) + png[33:])
    assert len(list(open_source(str(tmp_path)))) == 1
    assert "a.png: only the first picture of this animation is read" in caplog.text


def test_a_webp_says_whether_it_is_an_animation():
    start = b"RIFF" + bytes(4) + b"WEBPVP8X" + bytes(4)
    assert [is_animated(start + bytes([flags])) for flags in (0x02, 0x12, 0x10)] == [True, True, False]


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def test_folders_that_are_linked_in_a_circle_give_each_picture_once(folder):
    (folder / "sub").mkdir()
    save(folder / "sub" / "one.png")
    for name in ("loop", "again"):
        (folder / "sub" / name).symlink_to(folder)
        (folder / name).symlink_to(folder / "sub")
    (folder / "b.png").symlink_to(folder / "img9.png")
    frames = [f.source for f in open_source(f"{folder}/**/*.png")]
    assert sorted(frames) == ["img10.png", "img9.png", "one.png"]
    assert len(list(open_source(f"{folder}/**/sub/*.png"))) == 1
    assert len(list(open_source(f"{folder.parent}/**"))) == 4
