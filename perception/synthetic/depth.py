"""How far away what each pixel shows is."""

from __future__ import annotations

import math

import numpy as np

from perception.synthetic.compiled import compiled

SKY = 2000.0  # metres: farther than anything painted


@compiled
def ranges(
    ids: np.ndarray,  # (H, W) int16, see Canvas
    grid: np.ndarray,  # (H, W, 2) float32, see surface.road_grid
    rays: np.ndarray,  # (H, W, 2) float32, see sky
    spans: np.ndarray,  # (n, 3) see Canvas.span
    seen: np.ndarray,  # (m,) distance by ident - 2 of what has truth
) -> np.ndarray:
    """(H, W) float32 metres along the ground. A wall along the road lies where the ray meets its plane."""
    out = np.empty(ids.shape, np.float32)
    for i in range(ids.shape[0]):
        for j in range(ids.shape[1]):
            ident = int(ids[i, j])
            if ident == 0:
                x, y = grid[i, j, 0], grid[i, j, 1]
                out[i, j] = math.sqrt(x * x + y * y) if x > 0 else SKY
            elif ident > 1 and ident - 2 < seen.shape[0]:
                out[i, j] = seen[ident - 2]
            elif ident < 0 and -ident - 1 < spans.shape[0]:
                near, far, left = spans[-ident - 1]
                slope = abs(math.sin(rays[i, j, 0]))
                out[i, j] = min(max(abs(left) / max(slope, 1e-4), near), far)
            else:
                out[i, j] = 60.0
    return out
