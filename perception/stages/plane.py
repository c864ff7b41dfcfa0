"""The road under the camera in this frame, and how tall each followed object is: one filter for both.

A box stands on the road with its lower edge, and is as high as its object is tall; both tell the distance, so
that together they tell the horizon: bottom = m + w + roll * column + o + high * camera_height / tall. The
height of an object stays; the mean horizon `m` drifts slowly, its fast part `w` (braking, bumps) and `roll`
(camber) return to 0 within about a second, and `o` (a kerb, a slope at that place) is each object's own. One
Kalman filter holds them all with their covariances: neither may take the other's word for its own.

State: m, w, roll, then two rows a track: the logarithm of its height over the usual one of its class, and o.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from perception.jit import compiled

MOST = 48  # tracks with a state of their own; what more there is tells of the road, but keeps no height
HEAD = 3
MOUNT, DRIFT = 0.009, 0.0007  # of m: at the start; growth by the square root of a second. As rays
FAST, FAST_S = 0.008, 0.5  # of w, and seconds in which it returns
ROLL, ROLL_S = 0.02, 2.0  # radians
OWN, OWN_FAR, OWN_STEP, OWN_S = 0.0014, 8e-5, 0.06, 1.5  # of o: always, a metre of distance, metres of height
FOOT, FOOT_SHARE = 1.0, 0.015  # of the lower edge: pixels, share of the height of the box
HIDDEN = 0.15  # share of a box that a nearer one covers, from which its edges are doubted
DOUBT = 16.0  # times the variance
GATE = 6.0  # squared Mahalanobis distance beyond which a box is strange: not the road, but its height, is
MOST_LOG = 1.6  # of a height against the usual one: a fifth to five times
KEPT_S = 2.0  # without being seen
SURELY = 1.0  # logarithm of the odds from which an object is taken for a large one of its class
ANEW_S = 1.0  # seconds until the road tells something new of a height
FOGGY = 0.15  # variance of the logarithm of a height by the road, from which it is no evidence
FITS = 2.0  # squared deviation from the usual large height, in variances, up to which it may be one
LEAST_ODDS = -3.0  # what was told against it is forgotten
LINES = 0.004  # of the horizon by lane lines, as a ray, at least;
LASTING = 4.0  # and so many times the variance that it has by the lines: it is off alike for some frames


class Plane(NamedTuple):
    x: np.ndarray  # (HEAD + 2 MOST,)
    cov: np.ndarray  # (HEAD + 2 MOST, HEAD + 2 MOST)
    number: np.ndarray  # (MOST,) int64 track numbers
    idle: np.ndarray  # (MOST,) seconds since seen; -1: in its first frame
    own: np.ndarray  # (MOST,) standard deviation of o
    large: np.ndarray  # (MOST,) log odds, less the prior, of a large one of its class; inf: it is one
    used: np.ndarray  # (1,) int64 tracks


def empty_plane() -> Plane:
    size = HEAD + 2 * MOST
    plane = Plane(
        np.zeros(size), np.zeros((size, size)), np.zeros(MOST, np.int64), np.zeros(MOST), np.zeros(MOST),
        np.zeros(MOST), np.zeros(1, np.int64),
    )  # fmt: skip
    cleared(plane)
    return plane


def cleared(plane: Plane) -> None:
    """Nothing is known but the mount, in place."""
    plane.used[0] = 0
    plane.x[:], plane.cov[:] = 0, 0
    for k, sigma in enumerate((MOUNT, FAST, ROLL)):
        plane.cov[k, k] = sigma**2


@compiled
def learnt(
    plane: Plane,
    number: np.ndarray,
    box: np.ndarray,
    tall: np.ndarray,
    spread: np.ndarray,
    large: np.ndarray,
    stands: np.ndarray,
    cut: np.ndarray,
    lines: float,
    doubt: float,
    camera: float,
    pixel: float,
    dt: float,
) -> tuple[np.ndarray, np.ndarray]:
    """One frame. Heights of the objects (n,) metres, and the standard deviations of their logarithms (n,).

    `number` of tracks, -1: none; `box` (n, 4) rays; `tall` (n,), `spread` (n,): usual height of the class
    and its spread; `large` (n, 3): those of large ones, their share; `stands` (n,): on the road; `cut`
    (n, 2): aside, above or below; `lines`, `doubt`: the horizon by lane lines and its variance, NaN: none;
    `camera` its height; `pixel` as a ray.
    """
    _forget(plane, number, dt)
    _carry(plane, dt)
    n = len(box)
    place, h = np.full(n, -1, np.int64), np.zeros(HEAD + 2 * MOST)
    hidden = covered(box)
    for k in range(n):
        if number[k] >= 0 and stands[k]:
            far = tall[k] / max(box[k, 3] - box[k, 1], pixel)
            own = math.sqrt(OWN**2 + (OWN_FAR * far) ** 2 + (OWN_STEP / far) ** 2)
            place[k] = _place(plane, number[k], spread[k], own)
    size = HEAD + 2 * plane.used[0]
    if not math.isnan(lines):
        h[:2] = 1.0
        _take(plane, h, size, lines - plane.x[0] - plane.x[1], LINES**2 + LASTING * doubt, -1)
    order = np.argsort(-(box[:, 3] - box[:, 1]))
    for k in order:
        if not stands[k] or cut[k, 1]:
            continue
        high, column = max(box[k, 3] - box[k, 1], pixel), (box[k, 0] + box[k, 2]) / 2
        log_tall, at = 0.0, HEAD + 2 * place[k]
        h[:size] = 0.0
        h[0], h[1], h[2] = 1.0, 1.0, column
        rest = box[k, 3] - plane.x[0] - plane.x[1] - column * plane.x[2]
        if place[k] >= 0 and large[k, 2] > 0 and plane.large[place[k]] < np.inf and hidden[k] <= HIDDEN:
            _enlarge(plane, place[k], rest, high, tall[k], spread[k], large[k], camera, pixel, dt)
        if place[k] >= 0:
            log_tall = plane.x[at]
        ratio = camera / tall[k] * math.exp(-log_tall)
        noise = ((FOOT * pixel + FOOT_SHARE * high) * (1 + ratio / 2)) ** 2
        if place[k] >= 0:
            h[at], h[at + 1] = -high * ratio, 1.0
            rest -= plane.x[at + 1]
        else:
            far = tall[k] / high
            noise += (high * ratio * spread[k]) ** 2 + OWN**2 + (OWN_FAR * far) ** 2 + (OWN_STEP / far) ** 2
        if hidden[k] > HIDDEN or cut[k, 0]:
            noise *= DOUBT
        _take(plane, h, size, rest - high * ratio, noise, at if place[k] >= 0 else -1)
    return _heights(plane, place, box, tall, spread, stands, cut, camera, pixel)


@compiled
def _enlarge(
    plane: Plane,
    place: int,
    below: float,
    high: float,
    tall: float,
    spread: float,
    large: np.ndarray,
    camera: float,
    pixel: float,
    dt: float,
) -> None:
    """Take a track for a large one of its class where its foot says so: the better of two usual heights.

    `below`: of the foot under the horizon, `high`: of the box, as rays.
    """
    if below <= 4 * pixel:
        return
    log_tall = math.log(camera * high / below / tall)
    foot = FOOT * pixel + FOOT_SHARE * high
    doubt = (plane.cov[0, 0] + plane.cov[1, 1] + plane.own[place] ** 2 + foot**2) / below**2
    usual, larger = doubt + spread**2, doubt + large[1] ** 2
    mean = math.log(large[0] / tall)
    if doubt > FOGGY or (log_tall - mean) ** 2 > FITS * larger:
        return
    told = 0.5 * (log_tall**2 / usual - (log_tall - mean) ** 2 / larger + math.log(usual / larger))
    new = plane.idle[place] < 0  # its first frame
    plane.large[place] = max(plane.large[place] + told * (1.0 if new else min(1.0, dt / ANEW_S)), LEAST_ODDS)
    if plane.large[place] + math.log(large[2] / (1 - large[2])) > SURELY:
        at = HEAD + 2 * place
        plane.large[place] = np.inf
        plane.x[at] = mean
        plane.cov[at, :], plane.cov[:, at] = 0.0, 0.0
        plane.cov[at, at] = large[1] ** 2


@compiled
def _heights(
    plane: Plane,
    place: np.ndarray,
    box: np.ndarray,
    tall: np.ndarray,
    spread: np.ndarray,
    stands: np.ndarray,
    cut: np.ndarray,
    camera: float,
    pixel: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Of tracks as learnt; of other boxes by the usual height and by the road, by their variances."""
    out, sigma = tall.copy(), spread.copy()
    for k in range(len(box)):
        if place[k] >= 0:
            at = HEAD + 2 * place[k]
            out[k], sigma[k] = tall[k] * math.exp(plane.x[at]), math.sqrt(plane.cov[at, at])
        elif stands[k] and not cut[k, 1]:
            high, column = max(box[k, 3] - box[k, 1], pixel), (box[k, 0] + box[k, 2]) / 2
            below = box[k, 3] - plane.x[0] - plane.x[1] - column * plane.x[2]
            if below > 4 * pixel:
                doubt = math.sqrt(plane.cov[0, 0] + plane.cov[1, 1] + OWN**2) / below + 0.06
                gain = spread[k] ** 2 / (spread[k] ** 2 + doubt**2)
                out[k] = tall[k] * math.exp(gain * math.log(camera * high / below / tall[k]))
                sigma[k] = spread[k] * math.sqrt(1 - gain)
    return out, sigma


@compiled
def _take(plane: Plane, h: np.ndarray, size: int, rest: float, noise: float, at: int) -> None:
    """One measurement: `rest` is what it is more than expected, `h` its derivative by the state.

    One that is far off is explained by the height at `at`, which is less sure then, but no less than a height
    can be; without one it is weakened.
    """
    x, cov = plane.x, plane.cov
    gain = np.zeros(size)
    for j in range(size):
        if h[j] != 0.0:
            for i in range(size):
                gain[i] += cov[i, j] * h[j]
    total = noise
    for j in range(size):
        total += h[j] * gain[j]
    far = rest * rest / total / GATE
    if far > 1 and at >= 0:
        more = min((far * far - 1) * total / (h[at] * h[at]), max(MOST_LOG**2 - cov[at, at], 0.0))
        cov[at, at] += more
        gain[at] += more * h[at]
        total *= far * far
    elif far > 1:
        total *= far * far
    for i in range(size):
        x[i] += gain[i] * rest / total
        for j in range(size):
            cov[i, j] -= gain[i] * gain[j] / total
    for row in range(HEAD, size, 2):  # what one track tells moves the heights of the others, too
        x[row] = min(max(x[row], -MOST_LOG), MOST_LOG)


@compiled
def _carry(plane: Plane, dt: float) -> None:
    """The state `dt` seconds later."""
    x, cov, count = plane.x, plane.cov, plane.used[0]
    size = HEAD + 2 * count
    stays, noise = np.ones(size), np.zeros(size)
    noise[0] = DRIFT**2 * dt
    stays[1], stays[2] = math.exp(-dt / FAST_S), math.exp(-dt / ROLL_S)
    noise[1], noise[2] = (1 - stays[1] ** 2) * FAST**2, (1 - stays[2] ** 2) * ROLL**2
    for k in range(count):
        at = HEAD + 2 * k + 1
        stays[at] = math.exp(-dt / OWN_S)
        noise[at] = (1 - stays[at] ** 2) * plane.own[k] ** 2
    for i in range(size):
        x[i] *= stays[i]
        for j in range(size):
            cov[i, j] *= stays[i] * stays[j]
        cov[i, i] += noise[i]


@compiled
def _place(plane: Plane, number: int, spread: float, own: float) -> int:
    """Where a track has its rows; a new one gets some if there is room, else -1."""
    for k in range(plane.used[0]):
        if plane.number[k] == number:
            plane.own[k] = own
            return k
    k = plane.used[0]
    if k == MOST:
        return -1
    plane.used[0] += 1
    plane.number[k], plane.idle[k], plane.own[k], plane.large[k] = number, -1.0, own, 0.0
    for at in range(HEAD + 2 * k, HEAD + 2 * k + 2):
        plane.x[at] = 0.0
        plane.cov[at, :], plane.cov[:, at] = 0.0, 0.0
    plane.cov[at - 1, at - 1], plane.cov[at, at] = spread**2, own**2
    return k


@compiled
def _forget(plane: Plane, number: np.ndarray, dt: float) -> None:
    """Close the gaps of tracks that are not there any more."""
    x, cov, n = plane.x, plane.cov, 0
    size = HEAD + 2 * plane.used[0]
    for k in range(plane.used[0]):
        plane.idle[k] = max(plane.idle[k], 0.0) + dt
        for one in number:
            if one == plane.number[k]:
                plane.idle[k] = 0.0
        if plane.idle[k] > KEPT_S:
            continue
        if n < k:
            plane.number[n], plane.idle[n], plane.own[n] = plane.number[k], plane.idle[k], plane.own[k]
            plane.large[n] = plane.large[k]
            for part in range(2):
                to, at = HEAD + 2 * n + part, HEAD + 2 * k + part
                x[to] = x[at]
                cov[to, :size] = cov[at, :size]
            for part in range(2):
                to, at = HEAD + 2 * n + part, HEAD + 2 * k + part
                cov[:size, to] = cov[:size, at]
        n += 1
    plane.used[0] = n


@compiled
def covered(box: np.ndarray) -> np.ndarray:
    """(n,): the largest share of each box that another one covers which stands nearer, by its lower edge."""
    out = np.zeros(len(box))
    for i in range(len(box)):
        area = max((box[i, 2] - box[i, 0]) * (box[i, 3] - box[i, 1]), 1e-12)
        for j in range(len(box)):
            if box[j, 3] > box[i, 3]:
                wide = min(box[i, 2], box[j, 2]) - max(box[i, 0], box[j, 0])
                high = min(box[i, 3], box[j, 3]) - max(box[i, 1], box[j, 1])
                if wide > 0 and high > 0:
                    out[i] = max(out[i], wide * high / area)
    return out
