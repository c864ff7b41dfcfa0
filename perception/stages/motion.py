"""How followed objects move: a Kalman filter over the road for each, and how likely a box is one of them.

State (4,): X forward, Y left (metres from the camera), and their velocity over ground, m/s, in the axes of
the own vehicle. An object is taken to be as tall as the usual one of its class; if it is taller, X, Y and
what it moves against the own vehicle are too small by that ratio. Where the own motion is not known, the
velocity is that against the own vehicle. A box is measured by the column of its middle, the logarithm of its
height, and the row of its middle, all as rays (see `level`). Loops over scalars: numba's products need
another library.
"""

from __future__ import annotations

import math

import numpy as np

from perception.jit import compiled

NEAREST = 0.5  # metres: nothing is nearer
X, Y, VX, VY = range(4)
TALL, WIDE, DOWN = range(3)  # of a body, metres: height, width, and how far the middle is below the camera
COLUMN, SIZE, ROW = range(3)
STRAINED, STRAIN_S = (
    3.5,
    0.5,
)  # strain from which an object brakes or speeds up; seconds until it is forgotten
HARD, HARDEST = 5.0, 3.0  # times its usual acceleration that it does so with, and the most times that again


@compiled
def moved(state: np.ndarray, cov: np.ndarray, dt: float, speed: float, yaw: float, noise: np.ndarray) -> None:
    """Carry one track on by `dt` seconds, in place, from the axes of the own vehicle then to those now.

    `speed` m/s and `yaw` rad/s of the own vehicle; `noise` (2,): m/s^2 along and across.
    """
    turn = yaw * dt
    cos, sin = math.cos(turn), math.sin(turn)
    f = np.zeros((4, 4))
    for a in (0, 2):
        f[a, a], f[a, a + 1], f[a + 1, a], f[a + 1, a + 1] = cos, sin, -sin, cos
    f[X, VX], f[X, VY], f[Y, VX], f[Y, VY] = cos * dt, sin * dt, -sin * dt, cos * dt
    state[X] -= speed * dt * math.cos(turn / 2)
    state[Y] -= speed * dt * math.sin(turn / 2)
    state[:] = _times(f, state)
    state[X] = max(state[X], NEAREST)
    cov[:] = turned(f, cov)
    for axis in range(2):
        q = noise[axis] * noise[axis]
        cov[axis, axis] += q * dt**4 / 4
        cov[axis, axis + 2] += q * dt**3 / 2
        cov[axis + 2, axis] += q * dt**3 / 2
        cov[axis + 2, axis + 2] += q * dt * dt


@compiled
def _times(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    out = np.zeros(len(a))
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            out[i] += a[i, j] * x[j]
    return out


@compiled
def turned(a: np.ndarray, p: np.ndarray) -> np.ndarray:
    """a p a' of a symmetric p."""
    half, out = np.zeros(a.shape), np.zeros((len(a), len(a)))
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            for m in range(a.shape[1]):
                half[i, j] += a[i, m] * p[m, j]
    for i in range(len(a)):
        for j in range(len(a)):
            for m in range(a.shape[1]):
                out[i, j] += half[i, m] * a[j, m]
    return out


@compiled
def expected(state: np.ndarray, body: np.ndarray, jac: np.ndarray) -> tuple[float, float, float]:
    """What is measured of a track's box; its derivatives by X and Y in `jac` (3, 2)."""
    x, y = state[X], state[Y]
    jac[COLUMN, 0], jac[COLUMN, 1] = y / (x * x), -1 / x
    jac[SIZE, 0], jac[SIZE, 1] = -1 / x, 0.0
    jac[ROW, 0], jac[ROW, 1] = -body[DOWN] / (x * x), 0.0
    return -y / x, math.log(body[TALL] / x), body[DOWN] / x


@compiled
def cost(
    expectation: tuple[float, float, float],
    spread: np.ndarray,
    seen: np.ndarray,
    sigma: np.ndarray,
    shift: np.ndarray,
) -> float:
    """How unlikely a track is to be seen as a box.

    The squared Mahalanobis distance, plus how much wider the expectation is than the measurement, so that one
    who could be anywhere does not take the box of another. `spread` (3, 3): covariance of `expectation`;
    `seen`, `sigma` (3,): what is measured and its standard deviation; `shift` (1,): of all rows.
    """
    s00, s11, s22 = spread[0, 0] + sigma[0] ** 2, spread[1, 1] + sigma[1] ** 2, spread[2, 2] + sigma[2] ** 2
    s01, s02, s12 = spread[0, 1], spread[0, 2], spread[1, 2]
    r0, r1 = seen[0] - expectation[0], seen[1] - expectation[1]
    r2 = seen[2] - expectation[2] - shift[0]
    c00, c11, c22 = s11 * s22 - s12 * s12, s00 * s22 - s02 * s02, s00 * s11 - s01 * s01
    c01, c02, c12 = s02 * s12 - s01 * s22, s01 * s12 - s02 * s11, s01 * s02 - s00 * s12
    det = s00 * c00 + s01 * c01 + s02 * c02
    d2 = c00 * r0 * r0 + c11 * r1 * r1 + c22 * r2 * r2 + 2 * (c01 * r0 * r1 + c02 * r0 * r2 + c12 * r1 * r2)
    return d2 / det + math.log(det / (sigma[0] * sigma[1] * sigma[2]) ** 2)


@compiled
def strained(
    state: np.ndarray,
    cov: np.ndarray,
    body: np.ndarray,
    seen: np.ndarray,
    sigma: np.ndarray,
    strain: float,
    dt: float,
    acceleration: float,
) -> float:
    """The strain of a track with what is seen now; its covariance grows, in place, where it is large.

    That is the sum of the errors in size, in standard deviations, of which the old ones are forgotten. Errors
    of one sign come from an acceleration that is more than the usual one: a manoeuvre by the test of the
    innovations (Bar-Shalom, Li and Kirubarajan 2001, 11.2). Then the velocity follows at once.
    """
    jac = np.empty((3, 2))
    rest = seen[SIZE] - expected(state, body, jac)[SIZE]
    strain = strain * math.exp(-dt / STRAIN_S) + rest / math.sqrt(
        jac[SIZE, 0] * jac[SIZE, 0] * cov[X, X] + sigma[SIZE] ** 2
    )
    if abs(strain) > STRAINED:
        more = acceleration * HARD * min(abs(strain) / STRAINED, HARDEST)
        cov[X, X] += more * more * dt**4 / 4
        cov[X, VX] += more * more * dt**3 / 2
        cov[VX, X] += more * more * dt**3 / 2
        cov[VX, VX] += more * more * dt * dt
    return strain


@compiled
def corrected(
    state: np.ndarray,
    cov: np.ndarray,
    body: np.ndarray,
    seen: np.ndarray,
    sigma: np.ndarray,
    shift: np.ndarray,
) -> None:
    """Take what is seen as this track's box, in place: one measurement after the other."""
    jac, gain = np.empty((3, 2)), np.empty(4)
    for axis in range(3):
        rest = seen[axis] - expected(state, body, jac)[axis]
        if axis == ROW:
            rest -= shift[0]
        for n in range(4):
            gain[n] = cov[n, 0] * jac[axis, 0] + cov[n, 1] * jac[axis, 1]
        s = jac[axis, 0] * gain[0] + jac[axis, 1] * gain[1] + sigma[axis] ** 2
        for n in range(4):
            state[n] += gain[n] / s * rest
            for o in range(4):
                cov[n, o] -= gain[n] * gain[o] / s
        state[X] = max(state[X], NEAREST)
