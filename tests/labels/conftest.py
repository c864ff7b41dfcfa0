"""Small folders of other data sets, as their makers lay them out."""

import json

import cv2
import numpy as np
import pytest


@pytest.fixture
def picture(tmp_path):
    """`picture(name, size)`: a grey picture under the folder of the test."""

    def write(name, size=(64, 48)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((*size[::-1], 3), 90, np.uint8))
        return path

    return write


@pytest.fixture
def write_json(tmp_path):
    def write(name, table):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(table))
        return path

    return write
