"""Curves through points by least squares, compiled: normal equations about the mean."""

from __future__ import annotations

import numpy as np

from perception.jit import compiled


@compiled
def fitted(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and base of the line through points (n,): `np.polyfit(x, y, 1)`."""
    n = len(x)
    mean_x, mean_y = 0.0, 0.0
    for k in range(n):
        mean_x += x[k]
        mean_y += y[k]
    mean_x, mean_y = mean_x / n, mean_y / n
    xx, xy = 0.0, 0.0
    for k in range(n):
        xx += (x[k] - mean_x) ** 2
        xy += (x[k] - mean_x) * (y[k] - mean_y)
    slope = xy / xx
    return slope, mean_y - slope * mean_x


@compiled
def bowed(x: np.ndarray, y: np.ndarray, weight: np.ndarray, bends: bool) -> tuple[float, float, float]:
    """Base, slope and bend of the parabola, or the line, through points (n,): `np.polyfit(x, y, 2, w=weight)`
    or `np.polyfit(x, y, 1, w=weight)`, reversed.

    By polynomials that are orthogonal over the points (Forsythe 1957), which keeps the digits.
    """
    n = len(x)
    w, wx = 0.0, 0.0
    for k in range(n):
        w += weight[k] ** 2
        wx += weight[k] ** 2 * x[k]
    mean = wx / w
    norm, third = 0.0, 0.0
    for k in range(n):
        p = x[k] - mean
        norm += weight[k] ** 2 * p * p
        third += weight[k] ** 2 * p * p * p
    along, least = third / norm, norm / w
    a, b, c, square = 0.0, 0.0, 0.0, 0.0
    for k in range(n):
        p = x[k] - mean
        q = p * p - along * p - least
        a += weight[k] ** 2 * y[k]
        b += weight[k] ** 2 * y[k] * p
        c += weight[k] ** 2 * y[k] * q
        square += weight[k] ** 2 * q * q
    a, b, c = a / w, b / norm, c / square if bends else 0.0
    slope = b - c * along - 2 * c * mean
    base = a - b * mean + c * (mean * mean + along * mean - least)
    return base, slope, c
