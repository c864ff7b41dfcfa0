"""The table of accuracy against time."""

from __future__ import annotations

import json
import sys

import pytest

from perception.backends.runtimes import installed
from perception.errors import DataError
from tools import sizes


def test_a_row_a_size_with_means_and_dashes():
    metrics = {"drivable.a.iou": 0.9, "drivable.b.iou": 0.8, "lanes.drawn.f1": 0.7}
    ms = {"onnxruntime": 7.04, "openvino": 6.5}
    lines = list(sizes.table([{"factor": 1.5, "input_size": [800, 448], "ms": ms, "metrics": metrics}]))
    assert lines[0].startswith("| cost | input for 16:9 | ms, onnxruntime | ms, openvino | drivable IoU |")
    assert lines[2] == "| 1.5x | 800x448 | 7.0 | 6.5 | 85.0 | 70.0 | - | - | - | - |"
    assert {line.count("|") for line in lines} == {11}


def test_every_size_is_timed_and_measured(folder, tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("perception.blank.is_blank", lambda image: False)  # these are grey
    out = tmp_path / "sizes.json"
    given = ["--data", folder, "--out", out, "--bundle", tiny_bundle, "--factors", "0.5,2", "--rounds", 1]
    monkeypatch.setattr(sys, "argv", ["sizes", *map(str, given)])
    sizes.main()
    report = json.loads(out.read_text())
    assert [(row["factor"], row["input_size"]) for row in report["sizes"]] == [
        (0.5, [480, 256]),
        (2.0, [960, 512]),
    ]
    assert report["sizes"][0]["metrics"].keys() == report["sizes"][1]["metrics"].keys()
    assert report["sizes"][0]["metrics"] != report["sizes"][1]["metrics"]
    assert out.with_suffix(".md").read_text().count("\n") == 4

    assert all(0 < row["network_ms"][x] < row["ms"][x] for row in report["sizes"] for x in installed())

    given += ["--times", out, "--accuracy", out]
    monkeypatch.setattr(sys, "argv", ["sizes", *map(str, given), "--out", str(tmp_path / "again.json")])
    assert sizes.main() is None
    assert json.loads((tmp_path / "again.json").read_text()) == report
    monkeypatch.setattr(sys, "argv", ["sizes", *map(str, given), "--factors", "3"])
    with pytest.raises(DataError, match=r"a row for the factors \[3.0\], got \[0.5, 2.0\]"):
        sizes.main()
    monkeypatch.setattr(sys, "argv", ["sizes", *map(str, given), "--limit", "1"])
    with pytest.raises(DataError, match=r"the accuracy of .*'limit': 1\}, got that of .*'limit': None\}"):
        sizes.main()
