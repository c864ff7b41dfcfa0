"""Where the camera travels to, by how points of the picture moved: the focus of expansion.

Points of what stands move away from the point that the camera travels to, each as fast as it is near; if the
camera turns as well, all move with that, whatever their distance (Longuet-Higgins and Prazdny 1980). Both are
found at once, by the motion across the direction from the focus (Gauss-Newton, Cauchy weights for points on
what moves itself). Points are rays: x right and y down at one metre ahead, in the camera's axes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from perception.jit import compiled

ROUNDS = 25
FOCUS_SIGMA = 0.3  # of the focus around where it is looked for, as a ray
STILL = 1e-5  # a step so short is the last
CLOSE = 0.03  # points so near to the focus tell no direction
ROBUST = 3.0  # residuals, in standard deviations, at which the weight of a point is a quarter
LOWEST, FEWEST = 0.06, 8  # of points on the road: below the focus, as a ray; how many


class Travel(NamedTuple):
    """What two pictures tell. All as rays or radians."""

    focus: np.ndarray  # (2,) where the camera travels to
    cov: np.ndarray  # (2, 2) of `focus`
    turn: np.ndarray  # (3,) radians about x (up), y (right), z (clockwise)
    near: np.ndarray  # (n,) how far each point moved away from the focus, over its distance from it
    weight: np.ndarray  # (n,) 0..1, small for a point that moves otherwise
    noise: float  # standard deviation of the motion across


@compiled
def travelled(
    p: np.ndarray, q: np.ndarray, focus: np.ndarray, turn: np.ndarray, sigma: np.ndarray, noise: float
) -> Travel:
    """From points (n, 2) in one picture and the same ones (n, 2) in the next.

    `focus` (2,): where it is looked for first; `turn` (3,) with `sigma` (3,): of the turn, what is known
    before; `noise`: least standard deviation of a point's motion.
    """
    n = len(p)
    x = np.zeros(5)
    x[:2], x[2:] = focus, turn
    a, b, row = np.zeros((5, 5)), np.zeros(5), np.zeros(5)
    rest, weight, scale = np.zeros(n), np.ones(n), np.inf
    for _ in range(ROUNDS):
        a[:], b[:] = 0, 0
        for k in range(2):
            a[k, k] = 1 / FOCUS_SIGMA**2
            b[k] = (focus[k] - x[k]) / FOCUS_SIGMA**2
        for k in range(3):
            a[2 + k, 2 + k] = 1 / sigma[k] ** 2
            b[2 + k] = (turn[k] - x[2 + k]) / sigma[k] ** 2
        for i in range(n):
            rest[i] = _across(p[i], q[i], x, row)
        scale = max(noise, min(scale, 1.4826 * _median(np.abs(rest))))
        for i in range(n):
            rest[i] = _across(p[i], q[i], x, row)
            weight[i] = 1 / (1 + (rest[i] / (ROBUST * scale)) ** 2) ** 2
            for j in range(5):
                b[j] -= weight[i] * row[j] * rest[i] / scale**2
                for k in range(5):
                    a[j, k] += weight[i] * row[j] * row[k] / scale**2
        step = solved(a, b)
        x += step
        if np.abs(step).max() < STILL:
            break
    near = np.zeros(n)
    for i in range(n):
        near[i] = _away(p[i], q[i], x)
        weight[i] = weight[i] if near[i] > -scale else 0.0
    cov = inverse(a) * (scale / noise)
    return Travel(x[:2], cov[:2, :2].copy(), x[2:], near, weight, scale)


@compiled
def _across(p: np.ndarray, q: np.ndarray, x: np.ndarray, row: np.ndarray) -> float:
    """How far a point moved across the direction from the focus; its derivative by `x` in `row`."""
    mx, my = (p[0] + q[0]) / 2, (p[1] + q[1]) / 2
    ux, uy = q[0] - p[0], q[1] - p[1]
    bx = np.array([mx * my, -(1 + mx * mx), my])
    by = np.array([1 + my * my, -mx * my, -mx])
    for k in range(3):
        ux -= bx[k] * x[2 + k]
        uy -= by[k] * x[2 + k]
    dx, dy = mx - x[0], my - x[1]
    r = max(math.hypot(dx, dy), CLOSE)
    away = max(ux * dx + uy * dy, 0.0) / (
        r * r
    )  # not the motion across: its noise is that of what is returned
    row[0], row[1] = -away * dy / r, away * dx / r
    for k in range(3):
        row[2 + k] = -(dx * by[k] - dy * bx[k]) / r
    return (dx * uy - dy * ux) / r


@compiled
def _away(p: np.ndarray, q: np.ndarray, x: np.ndarray) -> float:
    """How far a point moved away from the focus, over its distance from it: travelled way over depth."""
    mx, my = (p[0] + q[0]) / 2, (p[1] + q[1]) / 2
    ux = q[0] - p[0] - (mx * my * x[2] - (1 + mx * mx) * x[3] + my * x[4])
    uy = q[1] - p[1] - ((1 + my * my) * x[2] - mx * my * x[3] - mx * x[4])
    dx, dy = mx - x[0], my - x[1]
    return (ux * dx + uy * dy) / max(dx * dx + dy * dy, CLOSE**2)


@compiled
def road_under(
    p: np.ndarray, near: np.ndarray, weight: np.ndarray, focus: np.ndarray, wide: float
) -> tuple[float, float, float, float]:
    """The roll of the camera against the road and the way over the camera's height, by points on the road.

    A point of a plane below is as near as it is low in the picture. Used are points at most `wide` camera
    heights aside. Returns roll (radians), way over height, and their standard deviations; inf: too few.
    """
    down, side, used = np.zeros(len(p)), np.zeros(len(p)), weight > 0.5
    for i in range(len(p)):
        down[i], side[i] = p[i, 1] - focus[1], p[i, 0] - focus[0]
        used[i] = used[i] and down[i] > LOWEST and abs(side[i]) < wide * down[i]
    down, side, value = down[used], side[used], near[used]
    if len(value) < FEWEST:
        return 0.0, 0.0, np.inf, np.inf
    k, tilt, scale = _median(value / down), 0.0, 0.0
    cov = np.eye(2)
    for _ in range(ROUNDS):
        rest = (value - k * (down + tilt * side)) / (k * down)
        scale = max(0.02, 1.4826 * _median(np.abs(rest)))
        a, b = np.zeros((2, 2)), np.zeros(2)
        a[1, 1], b[1] = 1 / FOCUS_SIGMA**2, -tilt / FOCUS_SIGMA**2
        for i in range(len(value)):
            row = (1 + tilt * side[i] / down[i]) / k, side[i] / down[i]
            w = 1 / (1 + (rest[i] / (ROBUST * scale)) ** 2) / scale**2
            for j in range(2):
                b[j] += w * row[j] * rest[i]
                for m in range(2):
                    a[j, m] += w * row[j] * row[m]
        cov = inverse(a)
        k = max(k + cov[0, 0] * b[0] + cov[0, 1] * b[1], 1e-4)
        tilt = min(max(tilt + cov[1, 0] * b[0] + cov[1, 1] * b[1], -0.3), 0.3)
    return math.atan(tilt), k, math.sqrt(cov[1, 1]), math.sqrt(cov[0, 0])


@compiled
def _median(values: np.ndarray) -> float:
    return np.sort(values)[len(values) // 2]


@compiled
def inverse(a: np.ndarray) -> np.ndarray:
    """Of a positive definite matrix, by elimination: numba's own needs another library."""
    n = len(a)
    work, out = a.copy(), np.eye(n)
    for k in range(n):
        pivot = work[k, k]
        for j in range(n):
            work[k, j] /= pivot
            out[k, j] /= pivot
        for i in range(n):
            if i != k:
                factor = work[i, k]
                for j in range(n):
                    work[i, j] -= factor * work[k, j]
                    out[i, j] -= factor * out[k, j]
    return out


@compiled
def solved(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    inverted, out = inverse(a), np.zeros(len(b))
    for i in range(len(b)):
        for j in range(len(b)):
            out[i] += inverted[i, j] * b[j]
    return out
