"""Plausible dash cameras."""

from __future__ import annotations

import numpy as np

from perception.camera import CameraModel
from perception.types import Size


def default_camera(size: Size = (1280, 720)) -> CameraModel:
    """The camera of `synthetic:SEED`: 60 degrees wide, behind the windscreen of a car."""
    focal = size[0] / 2 / np.tan(np.deg2rad(30.0))
    return CameraModel(
        size, float(focal), float(focal), size[0] / 2, size[1] / 2, height=1.4, pitch=float(np.deg2rad(2.0))
    )


def random_camera(rng: np.random.Generator, size: Size) -> CameraModel:
    """45-100 degrees along its longer side, 1.1-2.2 m high, 3 degrees up to 8 down; no lens distortion."""
    fov = np.deg2rad(45 + 55 * rng.beta(1.6, 2.2))
    focal = max(size) / 2 / np.tan(fov / 2)
    rise = np.arctan(0.32 * size[1] / focal)  # keeps the horizon inside the image
    pitch = np.clip(np.deg2rad(rng.uniform(-3, 8)), -rise, rise)
    cx, cy = np.array(size) / 2 * (1 + rng.uniform(-0.02, 0.02, 2))
    roll, yaw = np.deg2rad(rng.normal(0, (0.5, 1.0)))
    return CameraModel(
        size,
        float(focal),
        float(focal * rng.uniform(0.985, 1.015)),
        float(cx),
        float(cy),
        height=float(rng.uniform(1.1, 2.2)),
        pitch=float(pitch),
        roll=float(roll),
        yaw=float(yaw),
    )
