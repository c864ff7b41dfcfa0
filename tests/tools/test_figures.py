"""Figures: what they are drawn from, and that they fit."""

import cv2
import numpy as np
import pytest

from perception.errors import DataError
from perception.load import load
from tools.figures import draw, jpeg, overview, read, seen, sheet, smoothed


def test_where_a_resumed_run_wrote_a_step_again_the_later_row_counts(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("50,rate,1\n100,rate,2\n50,loss.lanes,7\n100,rate,3\n")
    assert read(path) == {"rate": ([50, 100], [1.0, 3.0]), "loss.lanes": ([50], [7.0])}


@pytest.mark.parametrize("text", ["50,rate\n", "now,rate,1\n"])
def test_a_foreign_log_is_named(tmp_path, text):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(DataError, match=r"log\.csv"):
        read(tmp_path / "log.csv")


def test_smoothing_keeps_a_line_and_halves_no_end():
    assert smoothed([2.0] * 30) == pytest.approx(np.full(30, 2.0))
    assert smoothed([1.0, 3.0, 2.0]) == pytest.approx([2.0, 2.0, 2.5])
    assert np.ptp(smoothed([0.0, 1.0] * 20)) < 0.3


def test_curves_become_a_picture_as_wide_as_a_page():
    curves = {"loss.lanes": ((50, 100, 150), (3.0, 2.0, 1.5)), "rate": ((50, 100, 150), (0.1, 0.2, 0.1))}
    image = cv2.imdecode(np.frombuffer(draw(curves), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape[1] == 1620
    assert image.std() > 5


def test_a_sheet_holds_all_pictures():
    pictures = [np.full((20, 30, 3), value, np.uint8) for value in (10, 20, 30)]
    found = sheet(pictures)
    assert found.shape == (44, 64, 3)
    assert [found[5, 5, 0], found[5, 40, 0], found[30, 5, 0], found[30, 40, 0]] == [10, 20, 30, 255]


def test_a_jpeg_is_as_good_as_the_limit_allows():
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    large, small = jpeg(noise, 10**6), jpeg(noise, 5000)
    assert len(small) <= 5000 < len(large)


def test_what_is_seen_is_painted(tiny_bundle):
    pipeline = load(tiny_bundle, threads=1)
    plain, painted = (seen(pipeline, tasks, 3, 1.0) for tasks in ((), pipeline.tasks))
    pipeline.close()
    assert plain.shape == (450, 800, 3)
    assert not np.array_equal(plain, painted)


def test_the_overview_is_one_picture_of_four(tiny_bundle, tmp_path):
    overview(tiny_bundle, tmp_path / "figures" / "overview.jpg")
    data = (tmp_path / "figures" / "overview.jpg").read_bytes()
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (904, 1604, 3)
