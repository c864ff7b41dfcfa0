"""The upper edge of the own vehicle in the drives on which its bonnet or dashboard is seen.

Drawn by eye on enlarged frames, about 2 pixels exact at 640 wide; one edge holds for every frame of a drive,
as the camera is fixed. What lies below it is the own vehicle, its reflections and its windscreen wipers: no
road, no lane line, no other vehicle. Pillars and mirrors that reach higher are not drawn.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from perception.types import Size

Points = tuple[tuple[float, float], ...]

EDGES: Mapping[str, Points] = {  # drive -> (x, y) from left to right, 0..1 of the image's width and height
    "reflect1": (
        (0.0, 0.8),
        (0.12, 0.894),
        (0.15, 0.874),
        (0.2, 0.84),
        (0.225, 0.826),
        (0.25, 0.819),
        (0.32, 0.815),
        (0.35, 0.819),
        (0.405, 0.839),
        (0.45, 0.838),
        (0.56, 0.834),
        (0.72, 0.837),
        (0.76, 0.825),
        (0.8, 0.812),
        (0.82, 0.811),
        (0.87, 0.817),
        (0.92, 0.83),
        (0.98, 0.851),
        (1.0, 0.838),
    ),
    "reflect2": (
        (0.0, 0.918),
        (0.055, 0.95),
        (0.1, 0.927),
        (0.15, 0.899),
        (0.175, 0.881),
        (0.2, 0.873),
        (0.22, 0.869),
        (0.3, 0.868),
        (0.33, 0.876),
        (0.38, 0.893),
        (0.45, 0.894),
        (0.55, 0.891),
        (0.65, 0.891),
        (0.75, 0.894),
        (0.78, 0.882),
        (0.83, 0.866),
        (0.85, 0.862),
        (0.9, 0.867),
        (0.95, 0.876),
        (1.0, 0.893),
    ),
    "indiadash": (
        (0.0, 0.7),
        (0.05, 0.685),
        (0.1, 0.668),
        (0.15, 0.655),
        (0.2, 0.646),
        (0.25, 0.639),
        (0.3, 0.631),
        (0.35, 0.624),
        (0.4, 0.622),
        (0.5, 0.625),
        (0.6, 0.63),
        (0.65, 0.637),
        (0.7, 0.648),
        (0.75, 0.664),
        (0.8, 0.678),
        (0.85, 0.692),
        (0.9, 0.706),
        (0.95, 0.72),
        (1.0, 0.735),
    ),
}


def below(points: Points, size: Size) -> np.ndarray:
    """(height, width) bool: the pixels of an image (width, height) whose centre is below the edge."""
    width, height = size
    x, y = np.array(points).T
    edge = np.interp((np.arange(width) + 0.5) / width, x, y)
    return (np.arange(height)[:, None] + 0.5) / height > edge
