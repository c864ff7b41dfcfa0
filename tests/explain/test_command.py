"""`perception explain` on pictures: pages and JSON, and what it says where there is nothing."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from perception import bundle
from perception.bundle import SHIPPED
from perception.cli import FAILED, app
from perception.sources import open_source


def invoke(*args):
    return CliRunner().invoke(app, ["explain", *map(str, args)])


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """A picture in which the shipped network finds objects and lines, explained."""
    folder = tmp_path_factory.mktemp("explained")
    frame = next(iter(open_source("synthetic:3")))
    cv2.imwrite(str(folder / "street.png"), cv2.resize(frame.image, None, fx=0.5, fy=0.5))
    done = invoke(folder / "street.png", "--out", folder / "out", "--objects", 1, "--check", "--threads", 1)
    assert done.exit_code == 0, done.output
    return folder / "out"


def test_each_find_has_its_row_of_pictures(rendered):
    told = json.loads((rendered / "street.explain.json").read_text())
    assert {one["task"] for one in told["found"]} >= {"detection", "lanes"}
    page = (rendered / "street.explain.html").read_text()
    assert page.count("data:image/jpeg") == 4 * len(told["found"])
    assert "of the heat lies in the box around it" in page


def test_the_hottest_place_is_at_the_find(rendered):
    for one in json.loads((rendered / "street.explain.json").read_text())["found"]:
        points = np.reshape(one.get("points", one.get("xyxy")), (-1, 2))
        assert np.abs(points - one["hottest"]).max(1).min() < 80
        assert 0 < one["heat_in_box"] <= 1
        assert one["insertion"] > one["deletion"]


def test_an_empty_frame_is_no_fault(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((96, 160, 3), 90, np.uint8))
    done = invoke(tmp_path / "grey.png", "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert "Nothing was found" in done.output
    assert "nothing to explain" in (tmp_path / "out" / "grey.explain.html").read_text()
    assert json.loads((tmp_path / "out" / "grey.explain.json").read_text())["found"] == []


@pytest.mark.parametrize("tasks", ["drivable", "nothing", "lanes,drivable"])
def test_only_tasks_with_single_finds_are_explained(tmp_path, tasks):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((96, 160, 3), 90, np.uint8))
    done = invoke(tmp_path / "grey.png", "--out", tmp_path / "out", "--tasks", tasks)
    assert done.exit_code == FAILED
    assert "expected tasks of detection, lanes, signs" in done.output


def test_a_bundle_of_another_network_is_refused(tmp_path, tiny_bundle):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((96, 160, 3), 90, np.uint8))
    done = invoke(tmp_path / "grey.png", "--bundle", tiny_bundle, "--out", tmp_path / "out")
    assert done.exit_code == FAILED
    assert "expected a network of this project" in " ".join(done.output.split())


def test_a_bundle_without_float_files_is_refused(tmp_path):
    folder = tmp_path / "int8"
    shutil.copytree(SHIPPED, folder)
    text = json.loads((folder / bundle.MODEL).read_text())
    del text["files"]["fp32"]
    (folder / bundle.MODEL).write_text(json.dumps({**text, "checksum": ""}))
    done = invoke("synthetic:1", "--bundle", folder, "--out", tmp_path / "out")
    assert done.exit_code == FAILED
    assert "expected fp32 files" in " ".join(done.output.split())
