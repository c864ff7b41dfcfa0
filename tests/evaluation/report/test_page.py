"""The pages: what they hold, and what a browser shows of them."""

import re
from dataclasses import replace

import numpy as np
import pytest

from perception.evaluation.compare import compare
from perception.evaluation.report import charts, html
from perception.evaluation.report.evaluation import evaluation_page, reliability
from perception.evaluation.report.write import changes, write_comparison, write_evaluation
from perception.evaluation.results import Result
from tests.evaluation.frames import drive, record
from tests.evaluation.report.conftest import COLOUR

HUES = {"drivable": (0x1E, 0x84, 0x49), "lanes": (0x24, 0x71, 0xA3), "detection": (0xC0, 0x39, 0x2B)}  # RGB
GOOD, BAD = (0x1E, 0x84, 0x49), (0xA9, 0x32, 0x26)
FACTS = {
    "bundle": "road 1",
    "deadline_ms": 25.0,
    "dropped": 3,
    "drives": [{"name": "city", "frames": 12, "dropped": 3, "remarks": ["2 classes left out"]}],
    "failed": {"lake": "no such file"},
}
BARE = {"failed": {}, "drives": []}


def bare(drive, frame, truth):
    return frame.image


def area(picture, rgb, near=4):
    """Pixels of a colour."""
    return int((np.abs(picture.astype(int) - rgb[::-1]).max(2) <= near).sum())


@pytest.fixture
def page(tmp_path, painted):
    records = drive() + drive("sea", seed=1)
    drives = [painted("city", 12), painted("sea", 12)]
    write_evaluation(tmp_path, Result(FACTS, records), drives, bare, [])
    return tmp_path / "report.html"


@pytest.fixture
def comparison(tmp_path, painted):
    before = drive(frames=20)
    after = [record(seq=r.seq, found=9, shared=600, tags=r.tags) for r in before]
    found, pairs = compare(("road 1", before), ("road 2", after), times=100)
    views = {"before": bare, "after": bare}
    write_comparison(tmp_path / "both", found, pairs, [painted("city", 20)], views, [])
    return tmp_path / "both" / "report.html"


@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_the_charts_and_the_worst_frames(browser, page, width):
    document, picture = browser(page, width)
    assert "Worst frames" in document
    for rgb in HUES.values():
        assert area(picture, rgb) > 300
    assert area(picture, COLOUR[::-1], 8) > 6 * 2 * 100 * 200


def test_a_browser_shows_every_mark_of_a_chart(browser, tmp_path):
    whiskers = [charts.Whisker(str(k), 2.0, 1.0, 3.0, "better", "+2") for k in range(20)]
    parts = [
        charts.whiskers(whiskers),
        charts.dots({str(k): {"lanes": 0.5} for k in range(20)}, {"lanes": "#ff8800"}),
        charts.bars({"network": (10.0, 20.0, 30.0)}, 25.0),
        charts.calibration(np.array([[100.0, 0.5, 0.5]]), "scores", "#00ffff"),
    ]
    (tmp_path / "charts.html").write_text(html.page("charts", parts))
    _, picture = browser(tmp_path / "charts.html", 800)
    assert area(picture, GOOD) > 20 * (60 + 2 * 80)  # a dot and a line each
    assert area(picture, (255, 0x88, 0)) > 20 * 60
    assert area(picture, BAD, 40) > 20  # the deadline
    assert area(picture, (76, 254, 254), 6) > 250  # a circle that lets the paper through


def test_a_browser_shows_what_got_better_and_worse(browser, comparison):
    document, picture = browser(comparison, 1280)
    assert "Frames that got worse" in document
    assert area(picture, GOOD) > 200
    assert area(picture, BAD) > 200
    assert area(picture, COLOUR[::-1], 8) > 3 * 2 * 100 * 200


def test_a_page_needs_nothing_else(page, comparison):
    for path in (page, comparison):
        text = path.read_text()
        assert not re.search(r"https?://|<script|<link|@import", text)
        assert set(re.findall(r"src='([^:]+):", text)) == {"data"}
        assert "default-src 'none'" in text


def test_the_page_has_a_row_for_every_drive_tag_and_metric(page):
    text = page.read_text()
    for word in (
        "city",
        "sea",
        "timeofday:night",
        "town.vehicle",
        "AP50",
        "Later than 25 ms",
        "busy: 3 frames",
    ):
        assert word in text


def test_names_are_text_and_not_markup(tmp_path):
    records = drive("<script>", tags=("<b>",)) + drive("<i>", tags=("a'b",))
    result = Result({**BARE, "bundle": "<u>"}, records)
    text = evaluation_page(result, {"lanes": [0]}, {("<script>", 0): {"'>": b"x"}})
    for markup in ("<script", "<i>", "<u>", "alt=''>"):
        assert markup not in text


def test_a_single_drive_without_tags_and_times_has_no_bare_parts():
    alone = [replace(record(tags=()), timing_ms={})]
    text = evaluation_page(Result(BARE, alone), {}, {})
    assert "By drive" not in text
    assert "By scene tag" not in text
    assert "Worst frames" not in text
    assert "<h2>Time" not in text


def test_what_failed_and_what_was_left_out_is_said(page):
    assert "lake could not be evaluated: no such file" in page.read_text()
    assert "city: 2 classes left out" in page.read_text()
    assert 'errors="1"' in page.with_name("junit.xml").read_text()


def test_calibration_is_that_of_the_frames():
    records = [record(found=6, score=0.9) for _ in range(3)]
    np.testing.assert_allclose(reliability(records)["detection.town"], [[30, 0.9, 0.6]])


def test_frames_that_changed_most_are_chosen():
    before = [record(seq=k, shared=800) for k in range(4)]
    after = [record(seq=k, shared=shared) for k, shared in enumerate((800, 100, 900, 700))]
    found = changes((before, after), each=1)
    assert found.worse == {"drivable": [1]}
    assert found.better == {"drivable": [2]}


def test_an_interval_without_bounds_and_one_beyond_the_chart_are_drawn():
    nothing = float("nan")
    rows = [
        charts.Whisker("a", 1.0, nothing, nothing, "undecided", "+1"),
        charts.Whisker("b", 0.0, -5.0, 5.0, "undecided", "0"),
    ]
    text = charts.whiskers(rows)
    assert "nan" not in text
    assert text.count("<circle") == 2


def test_a_mark_colours_its_cell():
    assert "<td class=worse>2</td>" in html.table([["", "x"], ["a", "2"]], {(1, 1): "worse"})
