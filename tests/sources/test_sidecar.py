"""Videos and image folders whose stamps stand in a file beside them."""

import cv2
import pytest

from perception.errors import SourceError
from perception.sources import open_source
from perception.timing import USUAL_FPS
from tests.sources.clips import number, numbered, picture


def images(folder, names):
    folder.mkdir()
    for k, name in enumerate(names):
        cv2.imwrite(str(folder / name), picture(k))
    return folder


@pytest.mark.parametrize("name", ["clip.timestamps.csv", "clip.timestamps.txt", "clip.mp4.timestamps.txt"])
def test_a_video_has_the_stamps_of_its_sidecar(tmp_path, name):
    path = numbered(tmp_path / "clip.mp4")
    (tmp_path / name).write_text("".join(f"{7 + k * 10**8}\n" for k in range(40)))
    source = open_source(str(path))
    frames = list(source)
    assert [(f.seq, f.stamp_ns) for f in frames] == [(k, 7 + k * 10**8) for k in range(40)]
    assert (source.fps, source.images, source.lost) == (10, False, 0)


@pytest.mark.parametrize("place", ["drive/timestamps.txt", "drive.timestamps.csv"])
@pytest.mark.parametrize("row", ["{name},{ns}", "{ns},{name}", "{name}, {s:.2f}  # a comment"])
def test_images_are_those_that_the_sidecar_names_in_its_order(tmp_path, place, row, caplog):
    folder = images(tmp_path / "drive", ["a.png", "b.png", "c.png"])
    rows = [row.format(name=n, ns=k * 10**9, s=k) for n, k in (("c.png", 1), ("a.png", 2))]
    (tmp_path / place).write_text("stamp and name\n" + "\n".join(rows))
    source = open_source(str(folder))
    assert [(number(f.image), f.seq, f.stamp_ns) for f in source] == [(2, 0, 10**9), (0, 1, 2 * 10**9)]
    assert not source.images
    assert "1 images" in caplog.text


@pytest.mark.parametrize("heading", ["", "Zeit\n"])
def test_a_byte_order_mark_is_no_part_of_the_first_stamp(tmp_path, heading):
    folder = images(tmp_path / "drive", ["a.png", "b.png"])
    (folder / "timestamps.txt").write_text(f"{heading}0.1\n0.2\n", encoding="utf-8-sig")
    assert [f.stamp_ns for f in open_source(str(folder))] == [10**8, 2 * 10**8]


def test_an_image_that_is_named_but_not_there_is_lost(tmp_path):
    folder = images(tmp_path / "drive", ["a.png", "b.png"])
    (folder / "timestamps.csv").write_text("1.0,a.png\n2.0,gone.png\n3.0,b.png\n")
    source = open_source(str(folder))
    assert [(f.seq, f.stamp_ns) for f in source] == [(0, 10**9), (2, 3 * 10**9)]
    assert source.lost == 1


def test_too_few_stamps_are_refused_and_too_many_reported(tmp_path, caplog):
    folder = images(tmp_path / "drive", ["a.png", "b.png"])
    sidecar = folder / "timestamps.txt"
    sidecar.write_text("1\n")
    with pytest.raises(SourceError, match=r"timestamps\.txt: expected a stamp for each frame, got 1"):
        list(open_source(str(folder)))
    sidecar.write_text("1.0\n2.0\n2.0\n")
    assert len(list(open_source(str(folder)))) == 2
    assert "3 stamps for 2 frames" in caplog.text


def test_odd_stamps_are_kept_and_counted(tmp_path, caplog):
    folder = images(tmp_path / "drive", ["a.png", "b.png", "c.png"])
    (folder / "timestamps.txt").write_text("5\n5\n4\n")
    assert [f.stamp_ns for f in open_source(str(folder))] == [5, 5, 4]
    assert "1 stamps go back in time" in caplog.text
    assert "1 stamps repeat" in caplog.text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no stamp"),
        ("# only a comment\n", "no stamp"),
        ("1\nx\n", r"timestamps\.txt, line 2"),
        ("1\n2,3\n", r"timestamps\.txt, line 2"),
        ("1\n2,a.png\n", "names in some lines only"),
        ("1\n-2\n", "line 2"),
        ("-0.1\n0.0\n", "line 1"),
        ("nan\n0.1\n", "line 1"),
        ("stamp\nname\n1\n", "line 2"),
        ("stamp,name\n-0.1,a.png\n", "line 2"),
        ("1\n\xff", "expected stamps as text"),
    ],
)
def test_a_malformed_sidecar_is_refused_with_its_line(tmp_path, text, fault):
    folder = images(tmp_path / "drive", ["a.png"])
    (folder / "timestamps.txt").write_text(text, encoding="latin-1")
    with pytest.raises(SourceError, match=fault):
        open_source(str(folder))


@pytest.mark.parametrize(
    ("stamps", "unit"),
    [
        ([1700000000 + k for k in range(40)], "seconds"),
        ([1700000000 + k // 30 for k in range(40)], "seconds"),
        ([1700000000 + 10 * k for k in range(40)], "seconds"),
        ([40 * k for k in range(40)], "milliseconds"),
        ([1700000000000 + 40 * k for k in range(40)], "milliseconds"),
        ([1700000000000000 + 40000 * k for k in range(40)], "microseconds"),
        ([f"{1700000000000 + 40 * k}.5" for k in range(40)], "milliseconds or microseconds"),
    ],
)
def test_stamps_in_another_unit_are_refused_and_it_is_named(tmp_path, stamps, unit):
    path = numbered(tmp_path / "clip.mp4")
    (tmp_path / "clip.timestamps.csv").write_text("\n".join(map(str, stamps)))
    with pytest.raises(SourceError, match=f"look like {unit}: write"):
        open_source(str(path))


def test_the_pairs_of_a_stereo_camera_are_nanoseconds(tmp_path):
    path = numbered(tmp_path / "clip.mp4")
    stamps = [k // 2 * 10**8 + k % 2 * 1000 for k in range(40)]
    (tmp_path / "clip.timestamps.csv").write_text("\n".join(map(str, stamps)))
    assert [frame.stamp_ns for frame in open_source(str(path))] == stamps


@pytest.mark.parametrize("stamps", ["1", "1 2 3 1000000 1000001", "5 4 3"])
def test_stamps_that_tell_no_rate_make_a_film_of_the_usual_one(tmp_path, stamps):
    """Pairs of stamps a microsecond apart, one stamp, and stamps that go back."""
    stamps = [int(stamp) * 1000 for stamp in stamps.split()]
    folder = images(tmp_path / "drive", [f"{k}.png" for k in range(len(stamps))])
    (folder / "timestamps.txt").write_text("\n".join(f"{stamp / 1e9:.9f}" for stamp in stamps))
    source = open_source(str(folder))
    assert source.fps == USUAL_FPS
