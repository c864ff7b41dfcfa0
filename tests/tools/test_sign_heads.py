"""Both ways of reading are asked at the true boxes."""

import numpy as np
import pytest
import torch

from perception.labels.folder import read_folder
from tests.folders import write_folder
from tools.sign_heads import Picture, compare, labelled, on_grid, pasted, table

SIZE = (640, 384)


class Reader:
    """Reads class 7 in one cell of one level of the grid, and class 5 in every crop."""

    def __init__(self, stride, x, y):
        self.grids = {
            f"signs_grid.logits{s}": torch.zeros(1, 43, SIZE[1] // s, SIZE[0] // s) for s in (8, 16, 32)
        }
        self.grids[f"signs_grid.logits{stride}"][0, 7, y, x] = 1

    def __call__(self, images, tasks):
        return self.grids

    def crops(self, crops):
        return {"signs.logits": torch.eye(43)[[5] * len(crops)]}


def picture(*boxes, class_id=7):
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return Picture(np.zeros((*SIZE[::-1], 3), np.uint8), xyxy, np.full(len(xyxy), class_id))


@pytest.mark.parametrize(("stride", "side"), [(8, 20), (16, 100), (32, 200)])
def test_the_grid_is_read_in_the_middle_of_the_sign_on_the_level_of_its_size(stride, side):
    middle = np.array([10.5, 8.5]) * stride
    box = [*(middle - side / 2), *(middle + side / 2)]
    assert on_grid(Reader(stride, 10, 8), SIZE, picture(box)).tolist() == [7]
    assert on_grid(Reader(stride, 11, 8), SIZE, picture(box)).tolist() == [0]


def test_shares_are_given_for_each_group_of_sizes():
    reader = Reader(8, 10, 8)
    signs = picture([74, 58, 94, 78], [300, 60, 312, 72])  # 20 and 12 pixels; the grid reads the first
    rows = compare(reader, SIZE, [signs, picture([0, 0, 20, 20], class_id=5)])
    assert [row["signs"] for row in rows] == [3, 1, 2, 0, 0]
    assert rows[0]["grid"] == rows[0]["crops"] == pytest.approx(1 / 3)
    assert (rows[2]["grid"], rows[2]["crops"]) == (0.5, 0.5)
    assert "grid" not in rows[3]


def test_pictures_come_with_the_signs_whose_class_is_known(tmp_path):
    (found,) = labelled(read_folder(write_folder(tmp_path), "val"))
    assert found.class_id.tolist() == [14]
    assert found.xyxy.tolist() == [[60, 5, 80, 25]]


def test_crops_are_pasted_at_their_own_size(tmp_path):
    found = list(pasted(read_folder(write_folder(tmp_path), "val"), places=(1, 1)))
    assert sorted(int(p.class_id[0]) for p in found) == [13, 14]
    assert all((p.xyxy[:, 2:] - p.xyxy[:, :2] == 24).all() for p in found)


def test_the_table_has_a_row_for_each_group():
    pixels = [{"from": 0.0, "to": None}, {"from": 0.0, "to": 16.0}, {"from": 16.0, "to": 24.0}]
    rows = [{"pixels": p, "signs": 2, "grid": 0.5, "crops": 1.0} for p in pixels]
    lines = list(table({"GTSDB": rows}))[2:]
    assert [line.split(" | ")[1] for line in lines] == ["all", "below 16", "16-24"]
    assert lines[0] == "| GTSDB | all | 2 | 50.0 | 100.0 |"
