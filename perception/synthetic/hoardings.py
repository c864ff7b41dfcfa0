"""Sheets of boards that are no traffic signs: advertisements, and signs seen from behind."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from perception.synthetic import boards
from perception.synthetic.faces import sign_face
from perception.synthetic.pictograms import Sheet
from perception.synthetic.textures import pyramid

ADVERTS = 40


@lru_cache(maxsize=ADVERTS)
def advert(kind: int) -> tuple[np.ndarray, ...]:
    """Pyramid of BGRA (256, 256)."""
    rng = np.random.default_rng((81, kind))
    sheet = Sheet(256)
    boards.advert(sheet, rng)
    return pyramid(sheet.image)


@lru_cache(maxsize=64)
def sign_back(class_id: int) -> tuple[np.ndarray, ...]:
    """Pyramid of BGRA (128, 128): the grey sheet and the clamps behind a sign."""
    face = cv2.resize(sign_face(class_id)[0][:, ::-1], (128, 128), interpolation=cv2.INTER_AREA)
    rng = np.random.default_rng((82, class_id))
    image = np.empty((128, 128, 4), np.uint8)
    image[..., :3] = rng.uniform(90, 170)
    image[..., 3] = face[..., 3]
    for y in (40, 88):
        image[y : y + 7, 20:108, :3] = 70
    image[:, 60:68, :3] = 120
    return pyramid(image)
