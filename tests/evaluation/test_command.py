"""`perception evaluate` on a small bundle: tables, JSON, errors."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from rich.console import Console

from perception.drives.record import Settings as Recording
from perception.drives.record import record
from perception.errors import BundleError, DataError
from perception.evaluation.command import HERE, Way, _see, evaluate, show
from perception.evaluation.measure import Report
from perception.evaluation.run import Settings, open_drives
from perception.evaluation.seeing import REPRODUCIBLE


def seen_by(bundle, **changes):
    return Settings(replace(REPRODUCIBLE, bundle=bundle, **changes))


def test_the_metrics_are_written_with_what_they_were_measured_on(folder, tiny_bundle, tmp_path, capsys):
    path = tmp_path / "metrics" / "val.json"
    evaluate([f"data:{folder}:val"], seen_by(tiny_bundle, precision="fp32"), HERE, path)
    written = json.loads(path.read_text())
    facts = written["facts"]
    assert (facts["bundle"], facts["precision"], facts["runtime"]) == ("tiny 1", "fp32", "onnxruntime")
    assert facts["sources"] == [f"data:{folder}:val"]
    assert written["pictures"]["signs"] == 2
    assert {"signs.top1", "signs.macro_recall", "drivable.camvid.iou"} <= written["metrics"].keys()
    assert "drivable" in capsys.readouterr().out


def test_the_metrics_are_those_of_the_input_size(folder, tiny_bundle, tmp_path):
    written = {}
    for size in ("auto", "640x384", "96x64"):
        evaluate([f"data:{folder}:val"], seen_by(tiny_bundle, input_size=size), HERE, tmp_path / size)
        written[size] = json.loads((tmp_path / size).read_text())
    assert [own["facts"]["input_size"] for own in written.values()] == [*written]
    assert written["96x64"]["metrics"] != written["640x384"]["metrics"]


def test_a_limit_is_of_every_kind_of_picture(folder, tiny_bundle, tmp_path):
    settings = replace(seen_by(tiny_bundle), limit=1)
    evaluate([f"data:{folder}:val"], settings, HERE, tmp_path / "val.json")
    found = json.loads((tmp_path / "val.json").read_text())
    assert found["pictures"]["signs"] == found["pictures"]["drivable.camvid"] == 1


def test_a_limit_does_not_fit_a_recorded_drive(tiny_bundle, tmp_path):
    record("synthetic:7:1", tmp_path / "town.mcap", Recording(truth=True, results=False))
    with pytest.raises(DataError, match="town: expected unrelated pictures to choose 1 of"):
        evaluate([str(tmp_path / "town.mcap")], replace(seen_by(tiny_bundle), limit=1))


def test_rows_are_sets_and_classes_and_columns_are_metrics(capsys):
    metrics = {"lanes.drawn.f1": 0.875, "detection.town.person.ap50": 0.5, "town.sign.read_f1": 0.25}
    show(Report(metrics, {"lanes.drawn": 43}), Console(width=80))
    text = capsys.readouterr().out
    for row in (("drawn", "87.5", "43"), ("town.person", "50.0"), ("town.sign", "25.0")):
        assert any(all(cell in line for cell in row) for line in text.splitlines())


def test_bad_input_ends_before_the_pictures_are_seen(folder, tiny_bundle, tmp_path):
    with pytest.raises(DataError, match="split 'test'"):
        evaluate([f"data:{folder}:test"], seen_by(tiny_bundle))
    with pytest.raises(BundleError):
        evaluate([f"data:{folder}:val"], seen_by(tmp_path))


def test_a_folder_gets_everything_and_a_page(folder, tiny_bundle, tmp_path, capsys):
    out, path = tmp_path / "out", tmp_path / "all.json"
    settings = replace(seen_by(tiny_bundle, precision="fp32"), deadline_ms=1e-6)
    assert evaluate([f"data:{folder}:val"], settings, Way(out=out), path) == 0
    assert {file.name for file in out.iterdir()} == {
        *("frames.parquet", "counts.parquet", "boxes.parquet"),
        *("result.json", "scenes", "report.html", "junit.xml"),
    }
    assert json.loads(path.read_text()) == json.loads((out / "result.json").read_text())
    assert "25 frames seen, 0 dropped, 0 lost, 21 later than 1e-06 ms" in capsys.readouterr().out


def test_a_drive_that_failed_is_told_and_in_the_exit_code(folder, tiny_bundle, tmp_path, capsys):
    (folder / "idd/images/i1.png").unlink()
    settings = seen_by(tiny_bundle, precision="fp32")
    assert evaluate([f"data:{folder}:val"], settings, Way(out=tmp_path / "out")) == 1
    assert "failed: idd-val: " in capsys.readouterr().out
    assert 'errors="1"' in (tmp_path / "out" / "junit.xml").read_text()


def test_workers_change_nothing(folder, tiny_bundle, tmp_path):
    found = []
    for workers in (1, 2):
        evaluate([f"data:{folder}:val"], seen_by(tiny_bundle), Way(workers), tmp_path / "val.json")
        found.append(json.loads((tmp_path / "val.json").read_text()))
    assert found[0]["metrics"] == found[1]["metrics"]
    assert found[0]["pictures"] == found[1]["pictures"]


class Gone:
    """Pictures that cannot be read a second time."""

    def __init__(self, drive):
        self.name, self.remarks, self.lost, self.passes, self._drive = drive.name, (), 0, 0, drive

    def parts(self, size):
        return [self]

    def __iter__(self):
        self.passes += 1
        if self.passes > 1:
            raise IndexError("gone")
        return iter(self._drive)


def test_a_fault_of_a_page_does_not_cost_the_result(folder, tiny_bundle, tmp_path, caplog):
    drive = Gone(open_drives([f"data:{folder}:val"])[0])
    _see([drive], seen_by(tiny_bundle, precision="fp32"), Way(out=tmp_path / "out"), [])
    assert json.loads((tmp_path / "out/result.json").read_text())["metrics"]
    assert "no page was made: IndexError: gone" in caplog.text


def test_labels_of_which_nothing_can_be_judged_are_an_error(tiny_bundle, tmp_path):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/a.png"), np.full((48, 64, 3), 90, np.uint8))
    table = {"images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}], "annotations": []}
    table["categories"] = [{"id": 1, "name": "car"}]
    (tmp_path / "labels.json").write_text(json.dumps(table))
    name = f"coco:{tmp_path / 'labels.json'}"
    with pytest.raises(DataError, match="labels: expected labels of what the bundle sees, got none"):
        evaluate([name], seen_by(tiny_bundle, tasks=("lanes",)), Way())
