"""Data sets in other formats teach what they label, and nothing else."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from perception.errors import DataError
from perception.labels.masks import MaskLabels
from perception.labels.truth import CULANE, DRAWN, EDGES, Truth
from perception.tasks.batch import CERTAIN, UNKNOWN
from perception.tasks.detection import CLASSES
from perception.tasks.lanes import CLASSES as KINDS
from perception.training.config import Config
from perception.training.data import foreign, found, sources
from perception.types import Frame, LaneLine

GREY = np.full((48, 64, 3), 90, np.uint8)


@pytest.fixture
def coco(tmp_path):
    """A folder with two pictures of which one has a car; people are labelled, too."""
    for name in ("a", "b"):
        (tmp_path / "mine/images").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / f"mine/images/{name}.png"), GREY)
    table = {
        "images": [
            {"id": k, "file_name": f"{n}.png", "width": 64, "height": 48} for k, n in enumerate(("a", "b"))
        ],
        "categories": [{"id": 1, "name": "Car"}, {"id": 2, "name": "person"}, {"id": 3, "name": "forklift"}],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 1, "bbox": [10, 10, 20, 20]},
            {"id": 2, "image_id": 1, "category_id": 3, "bbox": [10, 10, 20, 20]},
        ],
    }
    (tmp_path / "mine/annotations").mkdir()
    (tmp_path / "mine/annotations/instances_default.json").write_text(json.dumps(table))
    return tmp_path / "mine"


@pytest.fixture
def masks(tmp_path):
    for name in ("images", "masks"):
        (tmp_path / "roads" / name).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "roads/images/a.png"), GREY)
    cv2.imwrite(str(tmp_path / "roads/masks/a.png"), np.uint8([[0], [1], [255]]).repeat(16, 0).repeat(64, 1))
    return tmp_path / "roads"


def test_what_is_not_labelled_is_absent_and_not_zero(coco):
    car, _ = foreign.read(f"coco:{coco}")
    assert car.tasks() == {"detection"}
    assert car.negative_weight.tolist() == [float(name in ("vehicle", "person")) for name in CLASSES]
    assert car.boxes.xyxy.tolist() == [[10, 10, 30, 30]]
    assert car.boxes.sure.all()


def test_masks_teach_the_drivable_area_alone(masks):
    (sample,) = foreign.read(f"masks:{masks}")
    assert sample.tasks() == {"drivable"}
    assert sample.drivable[::16, 0].tolist() == [0, CERTAIN, UNKNOWN]
    assert sample.boxes is sample.negative_weight is None


def line(x, kind):
    points = np.array([[x, 47.5], [x, 20.5]], np.float32)
    return LaneLine(points, None, 1.0, KINDS.index(kind))


def sample(*rules, kinds=("solid", "road_edge")):
    lines = tuple(line(20 * k, kind) for k, kind in enumerate(kinds, 1))
    return foreign.sample_of(Frame(GREY, 0, 0), Truth("x", lines=lines, rules=rules))


def test_road_edges_are_learnt_where_they_are_labelled():
    both = sample(DRAWN, EDGES)
    assert (both.line[40, 19], both.line[40, 39], both.edge[40, 39]) == (CERTAIN, 0, CERTAIN)
    assert sample(DRAWN).edge is None


def test_beyond_the_outermost_lines_of_a_benchmark_nothing_is_known():
    truth = sample(DRAWN, CULANE, kinds=("unknown", "unknown")).line
    assert truth[40, [5, 20, 30, 40, 60]].tolist() == [UNKNOWN, CERTAIN, 0, CERTAIN, UNKNOWN]


def test_labels_of_another_size_stop_before_the_first_step(coco):
    cv2.imwrite(str(coco / "images/a.png"), GREY[:, :32])
    config = Config(data=(f"coco:{coco}",))
    with pytest.raises(DataError, match=r"a\.png: expected a picture of 64 x 48"):
        found.survey(None, config)


def test_a_picture_that_cannot_be_read_is_left_out_and_said(coco, capsys):
    (coco / "images/b.png").write_bytes(b"no picture")
    pictures = foreign.Pictures("mine", foreign.read(f"coco:{coco}").told)
    assert pictures[1].name.endswith("a.png")
    assert "mine: left out" in capsys.readouterr().err


def test_data_sets_have_the_names_of_their_folders(coco, masks):
    named = foreign.names([f"coco:{coco}", f"r=masks:{masks}", f"{masks}:train"], ())
    assert list(named) == ["mine", "r", "roads"]
    with pytest.raises(DataError, match=r"the name mine is taken.*NAME=coco:"):
        foreign.names([f"coco:{coco}"] * 2, ())
    with pytest.raises(DataError, match="the name camvid is taken"):
        foreign.names([f"camvid=coco:{coco}"], ("camvid",))


def test_shares_are_set_by_name(coco, masks):
    config = Config(data=(f"coco:{coco}", f"masks:{masks}"), sources={"mine": 2.0, "roads": 0.0})
    assert list(sources.read_data(None, config)) == ["mine"]
    with pytest.raises(DataError, match=r"unknown data sets \['mien'\] \(did you mean mine\?\)"):
        sources.read_data(None, Config(data=(f"coco:{coco}",), sources={"mien": 1.0}))


def test_the_user_says_which_class_is_which(coco):
    config = Config(data=(f"coco:{coco}",), classes={"forklift": "vehicle"})
    own = found.survey(None, config)["mine"]
    assert own.boxes == {"vehicle": 2}
    with pytest.raises(DataError, match=r"got 'forklyft' \(did you mean 'forklift'\?\)"):
        found.survey(None, Config(data=(f"coco:{coco}",), classes={"forklyft": "vehicle"}))


def test_own_sets_of_a_folder_in_our_format_are_learnt_from(tmp_path):
    (tmp_path / "town/images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "town/images/a.png"), GREY)
    row = {"img": "town/images/a.png", "split": "train", "w": 64, "h": 48, "labelled": ["vehicle"]}
    (tmp_path / "det.jsonl").write_text(json.dumps({**row, "boxes": [[1, 2, 30, 40, "person", ""]]}) + "\n")
    (sample,) = sources.read_data(tmp_path, Config())["town"]
    assert sample.boxes.label.tolist() == [CLASSES.index("person")]
    assert sample.negative_weight.tolist() == [float(name == "vehicle") for name in CLASSES]


def test_a_mask_at_its_own_size_covers_the_picture(masks):
    assert MaskLabels("x", masks / "masks/a.png").area((640, 480)).labels.shape == (48, 64)
