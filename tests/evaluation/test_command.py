"""`perception evaluate` on a small bundle: tables, JSON, errors."""

import json

import pytest
from rich.console import Console

from perception.errors import BundleError, DataError
from perception.evaluation.command import evaluate, show
from perception.evaluation.measure import Report


def test_the_figures_are_written_with_what_they_were_measured_on(folder, tiny_bundle, tmp_path, capsys):
    path = tmp_path / "figures" / "val.json"
    report = evaluate(folder, "val", tiny_bundle, "fp32", path)
    written = json.loads(path.read_text())
    assert written["metrics"] == pytest.approx(report.metrics)
    assert (written["split"], written["precision"], written["unit"]) == ("val", "fp32", "fraction")
    assert written["pictures"]["signs"] == 2
    assert {"signs.top1", "signs.macro_recall", "drivable.camvid.iou"} <= written["metrics"].keys()
    assert "drivable" in capsys.readouterr().out


def test_rows_are_sets_and_classes_and_columns_are_figures(capsys):
    metrics = {"lanes.drawn.f1": 0.875, "detection.town.person.ap50": 0.5, "town.sign.read_f1": 0.25}
    show(Report(metrics, {"lanes.drawn": 43}), Console(width=80))
    text = capsys.readouterr().out
    for row in (("drawn", "87.5", "43"), ("town.person", "50.0"), ("town.sign", "25.0")):
        assert any(all(cell in line for cell in row) for line in text.splitlines())


def test_bad_input_ends_before_the_pictures_are_seen(folder, tiny_bundle, tmp_path):
    with pytest.raises(DataError, match="split 'test'"):
        evaluate(folder, "test", tiny_bundle)
    with pytest.raises(BundleError):
        evaluate(folder, "val", tmp_path)
