"""The size of an image from its first bytes."""

import cv2
import numpy as np
import pytest

from perception.labels.rows import image_size


@pytest.mark.parametrize("ending", [".png", ".jpg", ".bmp", ".webp"])
@pytest.mark.parametrize("size", [(64, 48), (1, 3), (300, 1000)])
def test_it_is_that_of_the_decoded_image(tmp_path, ending, size):
    path = tmp_path / f"a{ending}"
    cv2.imwrite(str(path), np.zeros((*size[::-1], 3), np.uint8))
    assert image_size(path) == size


def test_a_jpeg_that_its_exif_data_turn(tmp_path):
    jpeg = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    orientation = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    path = tmp_path / "a.jpg"
    path.write_bytes(
        jpeg[:2] + b"\xff\xe1" + (len(orientation) + 2).to_bytes(2, "big") + orientation + jpeg[2:]
    )
    assert image_size(path) == cv2.imread(str(path)).shape[1::-1] == (48, 64)
