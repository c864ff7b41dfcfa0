"""`perception compare` on bundles and on evaluations."""

import json
import logging
import shutil
from dataclasses import replace

import pytest

from perception.errors import DataError, SinkError
from perception.evaluation.compare_command import compare_both
from perception.evaluation.results import Result, write_result
from perception.evaluation.run import evaluate_drives
from perception.evaluation.seeing import REPRODUCIBLE, Settings
from tests.evaluation.frames import record


@pytest.fixture
def data(folder):
    return f"data:{folder}:val"


@pytest.fixture
def result(data, tiny_bundle, tmp_path):
    """The folder of an evaluation."""
    evaluate_drives([data], Settings(replace(REPRODUCIBLE, bundle=tiny_bundle)), out=tmp_path / "result")
    return tmp_path / "result"


def write(folder, shared, drive="city"):
    """An evaluation whose drives are not here."""
    facts = {"bundle": "road 1", "precision": "int8", "sha256": {}, "sources": ["gone.mcap"], "failed": {}}
    facts |= {"drives": [{"name": drive, "dropped": 0, "remarks": []}], "deadline_ms": None}
    records = [record(drive, seq, shared=shared + seq) for seq in range(12)]
    write_result(Result(facts, records), folder)
    (folder / "scenes").mkdir()
    return folder


def test_two_bundles_are_evaluated_and_compared(data, tiny_bundle, tmp_path, capsys):
    other = tmp_path / "other"
    shutil.copytree(tiny_bundle, other)
    found = compare_both(tiny_bundle, other, tmp_path / "out", [data])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "before",
        "after",
        "compare.json",
        "report.html",
    }
    assert {own.mark for own in found.differences} == {"undecided"}
    assert "tiny 1 int8 (after) against tiny 1 int8 (before)" in capsys.readouterr().out


def test_a_bundle_is_compared_with_an_evaluation_on_its_drives(result, tiny_bundle, tmp_path):
    found = compare_both(result, tiny_bundle, tmp_path / "out")
    assert (tmp_path / "out" / "after" / "result.json").exists()
    assert not (tmp_path / "out" / "before").exists()
    assert found.basis.only_before == found.basis.only_after == 0


def test_evaluations_are_compared_without_their_drives(tmp_path, caplog):
    a, b = write(tmp_path / "a", 700), write(tmp_path / "b", 800)
    with caplog.at_level(logging.WARNING):
        compare_both(a, b, tmp_path / "out")
    assert "no pictures in the report: gone.mcap" in caplog.text
    found = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert found["metrics"]["drivable.town.iou"]["mark"] == "better"
    assert found["tasks"]["drivable"]["interval"] == pytest.approx([0.1, 0.1])
    assert found["frames"]["better"] == {"drivable": [{"drive": "city", "seq": k} for k in (11, 10, 9)]}
    assert "No picture" in (tmp_path / "out" / "report.html").read_text()


def test_what_cannot_be_compared_is_named(result, tiny_bundle, tmp_path):
    with pytest.raises(DataError, match="expected a bundle, or a folder"):
        compare_both(result, tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(DataError, match="expected drives to evaluate the bundle on"):
        compare_both(tiny_bundle, tiny_bundle, tmp_path / "out")
    with pytest.raises(DataError, match="same frames"):
        compare_both(write(tmp_path / "a", 700), write(tmp_path / "b", 700, "sea"), tmp_path / "out")


def test_a_comparison_does_not_replace_what_it_compares(tmp_path):
    a, b = write(tmp_path / "a", 700), write(tmp_path / "b", 800)
    (b / "report.html").write_text("of the evaluation")
    with pytest.raises(SinkError, match="expected a folder of its own for the comparison"):
        compare_both(a, b, tmp_path / "a" / ".." / "b")
    assert (b / "report.html").read_text() == "of the evaluation"


def test_a_bundle_is_not_evaluated_over_what_it_is_compared_with(result, tiny_bundle, tmp_path):
    """The winner of one comparison in the next."""
    shutil.move(result, tmp_path / "out" / "after")
    was = (tmp_path / "out" / "after" / "result.json").read_bytes()
    with pytest.raises(SinkError, match="out/after: expected a folder of its own"):
        compare_both(tmp_path / "out" / "after", tiny_bundle, tmp_path / "out")
    compare_both(tmp_path / "out" / "after", tiny_bundle, tmp_path / "next")
    assert (tmp_path / "out" / "after" / "result.json").read_bytes() == was


def test_a_page_that_cannot_be_made_costs_no_comparison(result, tmp_path, monkeypatch, caplog):
    def broken(*args):
        raise IndexError("a picture is gone")

    monkeypatch.setattr("perception.evaluation.compare_command.write_comparison", broken)
    compare_both(result, result, tmp_path / "out")
    assert (tmp_path / "out" / "compare.json").exists()
    assert "no page was made: IndexError: a picture is gone" in caplog.text
