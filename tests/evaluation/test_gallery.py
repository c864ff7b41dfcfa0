"""The gallery: one page and a sheet a set, worst first."""

import cv2
import numpy as np

from perception.evaluation.gallery import COLUMNS, WIDTH, Pair, gallery, page, sheet, worst_first


def test_a_page_and_a_sheet_for_each_set_are_written(folder, tiny_bundle, tmp_path):
    out = tmp_path / "out"
    gallery(folder, out, bundle=tiny_bundle)
    assert {p.name for p in out.iterdir()} == {"gallery.html"} | {
        f"{s}.png" for s in ("town", "camvid", "idd", "city", "acdc", "brazil", "clips")
    }
    text = (out / "gallery.html").read_text()
    assert text.count("data:image/jpeg;base64,") == 10
    assert {"drivable.camvid.iou", "lanes.drawn.recall"} <= set(text.split())
    assert cv2.imread(str(out / "town.png")).shape[1] == COLUMNS * (2 * WIDTH + 4)


def test_the_worst_picture_of_a_set_comes_first():
    pixels = np.zeros((4, 8, 3), np.uint8)
    pairs = [Pair(*name, {"f1": worth}, pixels) for name, worth in (("ba", 0.1), ("ac", 0.9), ("ab", 0.2))]
    assert [pair.name for pair in worst_first(pairs)] == ["b", "c", "a"]


def test_a_sheet_takes_pictures_of_different_heights():
    pairs = [Pair("a", str(h), {}, np.zeros((h, 2 * WIDTH, 3), np.uint8)) for h in (100, 130, 90)]
    assert sheet(pairs).shape == (2 * 134, 2 * (2 * WIDTH + 4), 3)


def test_names_are_text_and_not_markup():
    pair = Pair("a", "<script>", {}, np.zeros((4, 8, 3), np.uint8))
    assert "<script>" not in page([pair])
