"""One step of following all objects: predict, pair, correct, begin, forget. Compiled; state in plain arrays.

Two rounds, as ByteTrack does (Zhang et al. 2022): sure boxes first, then unsure ones for tracks left over.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from perception.jit import compiled
from perception.stages.assignment import NEVER, assigned
from perception.stages.motion import (
    COLUMN,
    DOWN,
    NEAREST,
    ROW,
    TALL,
    VX,
    VY,
    WIDE,
    X,
    Y,
    corrected,
    cost,
    expected,
    moved,
    strained,
    turned,
)
from perception.stages.plane import HIDDEN, covered

MOST = 128  # tracks at once
SURE = 0.5  # score of boxes of the first round
BEGIN = 0.35  # score from which a box may begin a track
PROOF = 0.9  # sum of the scores from which a track is proven
GATES = (20.0, 12.0)  # cost up to which a pair is possible, by round
STRANGE = 5.0  # added to the cost where the class is another
KEPT_S = 2.0  # a proven track is remembered so long after it was last seen; others until they are missed
COMMON = 4  # pairs from which a shift of the whole image is told from motion of objects
SMOOTH = 0.3  # share of a new box in the body of a track
PATH = 2.5  # metres: of what is farther aside of the own path, the size tells no braking, but another side
SLOWEST = 3.0  # m/s: below, the yaw rate says nothing of the path
EDGE, EDGE_SHARE = 2.0, 0.05  # pixels, and share of its size, from the border: a box there is cut
# Of a life: seconds since last seen, sum of scores, last score, and how its size differs from the expected.
UNSEEN, PROVEN, SCORE, STRAIN = range(4)
K_TALL, K_SPEED, K_ACCEL, K_FIXED = 0, 1, 3, 5  # of a kind: metres, m/s (2), m/s^2 (2), 1: does not move


class Book(NamedTuple):
    """All tracks; the first `used[0]` rows are in use, and `used[1]` is the next number."""

    state: np.ndarray  # (MOST, 4), see `motion`
    cov: np.ndarray  # (MOST, 4, 4)
    body: np.ndarray  # (MOST, 3) TALL, WIDE, DOWN
    life: np.ndarray  # (MOST, 4) UNSEEN, PROVEN, SCORE, STRAIN
    votes: np.ndarray  # (MOST, classes) sums of scores
    number: np.ndarray  # (MOST,) int64
    used: np.ndarray  # (2,) int64


def empty_book(classes: int) -> Book:
    state, cov, body, life, votes = (
        np.zeros((MOST, *shape)) for shape in ((4,), (4, 4), (3,), (4,), (classes,))
    )
    return Book(state, cov, body, life, votes, np.zeros(MOST, np.int64), np.zeros(2, np.int64))


@compiled
def measured(
    xyxy: np.ndarray, box: np.ndarray, width: int, height: int, pixel: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is measured of boxes (m, 3), its standard deviation (m, 3), and whether a side is cut (m, 2).

    `xyxy` pixels, `box` as rays; `pixel` as a ray. Cut aside, cut above or below.
    """
    seen, sigma, cut = np.empty((len(box), 3)), np.empty((len(box), 3)), np.empty((len(box), 2), np.bool_)
    for k in range(len(box)):
        wide, tall = max(box[k, 2] - box[k, 0], pixel), max(box[k, 3] - box[k, 1], pixel)
        seen[k, 0], seen[k, 1] = (box[k, 0] + box[k, 2]) / 2, np.log(tall)
        seen[k, 2] = (box[k, 1] + box[k, 3]) / 2
        aside = EDGE + EDGE_SHARE * (xyxy[k, 2] - xyxy[k, 0])
        cut[k, 0] = xyxy[k, 0] <= aside or xyxy[k, 2] >= width - aside
        cut[k, 1] = xyxy[k, 1] <= EDGE or xyxy[k, 3] >= height - EDGE
        sigma[k, 0] = (0.3 if cut[k, 0] else 0.05) * wide + pixel
        sigma[k, 1] = (0.3 if cut[k, 1] else 0.05) + pixel / tall
        sigma[k, 2] = (0.3 if cut[k, 1] else 0.05) * tall + 0.004
    return seen, sigma, cut


@compiled
def step(
    book: Book,
    kinds: np.ndarray,
    box: np.ndarray,
    seen: np.ndarray,
    sigma: np.ndarray,
    cut: np.ndarray,
    score: np.ndarray,
    class_id: np.ndarray,
    dt: float,
    speed: float,
    yaw: float,
) -> np.ndarray:
    """(m,) int64: the row of `book` of each box; -1: none. Rows change with every step.

    `kinds` (classes, 6); boxes (m, ...) as `measured` gives them; `speed` m/s and `yaw` rad/s are the own.
    """
    _forget(book)
    state, cov, body = book.state, book.cov, book.body
    n, m = book.used[0], len(box)
    for k in range(n):
        moved(state[k], cov[k], dt, speed, yaw, kinds[np.argmax(book.votes[k]), K_ACCEL : K_ACCEL + 2])
        book.life[k, UNSEEN] += dt
    slot, shift, hidden = np.full(m, -1, np.int64), np.zeros(1), covered(box)
    bend = yaw / (2 * speed) if speed > SLOWEST else 0.0
    _round(book, kinds, seen, sigma, score, class_id, slot, shift, 0)
    if _shifted(book, seen, slot, shift):
        slot[:] = -1
        _round(book, kinds, seen, sigma, score, class_id, slot, shift, 0)
    _round(book, kinds, seen, sigma, score, class_id, slot, shift, 1)
    for j in range(m):
        k = slot[j]
        if k >= 0:
            if cut[j, 0]:
                seen[j, COLUMN] = _middle(box[j], body[k, WIDE] / state[k, X])
            if hidden[j] <= HIDDEN and abs(state[k, Y] - bend * state[k, X] ** 2) < PATH:
                book.life[k, STRAIN] = strained(
                    state[k], cov[k], body[k], seen[j], sigma[j], book.life[k, STRAIN], dt,
                    kinds[np.argmax(book.votes[k]), K_ACCEL],
                )  # fmt: skip
            corrected(state[k], cov[k], body[k], seen[j], sigma[j], shift)
            wide, down = (box[j, 2] - box[j, 0]) * state[k, X], seen[j, ROW] * state[k, X]
            if not cut[j, 0]:
                body[k, WIDE] += SMOOTH * (wide - body[k, WIDE])
            body[k, DOWN] += SMOOTH * (down - body[k, DOWN])
            book.life[k, UNSEEN] = 0.0
            book.life[k, PROVEN] += score[j]
            book.life[k, SCORE] = score[j]
            book.votes[k, class_id[j]] += score[j]
        elif score[j] >= BEGIN and book.used[0] < MOST:
            slot[j] = _begin(book, kinds[class_id[j]], box[j], seen[j], score[j], class_id[j])
    return slot


@compiled
def _middle(box: np.ndarray, wide: float) -> float:
    """Of a box that ends at a side of the image: as far from its inner edge as it was `wide` before."""
    middle, half = (box[0] + box[2]) / 2, wide / 2
    return min(middle, box[2] - half) if middle < 0 else max(middle, box[0] + half)


@compiled
def _forget(book: Book) -> None:
    """Close the gaps that tracks leave which were not seen for too long."""
    n = 0
    for k in range(book.used[0]):
        proven = book.life[k, PROVEN] >= PROOF
        if book.life[k, UNSEEN] > (KEPT_S if proven else 0.0) or book.state[k, X] <= NEAREST:
            continue
        if n < k:
            book.state[n], book.cov[n], book.body[n] = book.state[k], book.cov[k], book.body[k]
            book.life[n], book.votes[n], book.number[n] = book.life[k], book.votes[k], book.number[k]
        n += 1
    book.used[0] = n


@compiled
def _round(
    book: Book,
    kinds: np.ndarray,
    seen: np.ndarray,
    sigma: np.ndarray,
    score: np.ndarray,
    class_id: np.ndarray,
    slot: np.ndarray,
    shift: np.ndarray,
    nth: int,
) -> None:
    """Pair free tracks with the boxes of a round: the sure ones, then the others."""
    taken = np.zeros(book.used[0], np.bool_)
    for k in slot:
        if k >= 0:
            taken[k] = True
    tracks = np.flatnonzero(~taken)
    rows = np.flatnonzero((score >= SURE) if nth == 0 else (score < SURE))
    if not len(rows) or not len(tracks):
        return
    gate = GATES[nth]
    costs, jac, nearest = np.empty((len(tracks), len(rows))), np.empty((3, 2)), NEVER
    for i in range(len(tracks)):
        k = tracks[i]
        expectation = expected(book.state[k], book.body[k], jac)
        spread, own = turned(jac, book.cov[k, :2, :2]), np.argmax(book.votes[k])
        for j in range(len(rows)):
            other = class_id[rows[j]]
            value = cost(expectation, spread, seen[rows[j]], sigma[rows[j]], shift)
            if other != own:
                value += STRANGE if kinds[own, K_FIXED] == kinds[other, K_FIXED] else NEVER
            costs[i, j] = min(value, gate)
            nearest = min(nearest, costs[i, j])
    if nearest >= gate:
        return
    column = assigned(costs)
    for i in range(len(tracks)):
        if column[i] >= 0 and costs[i, column[i]] < gate:
            slot[rows[column[i]]] = tracks[i]


@compiled
def _shifted(book: Book, seen: np.ndarray, slot: np.ndarray, shift: np.ndarray) -> bool:
    """Whether enough pairs tell how far the image has moved down, as the camera nods."""
    rows = np.flatnonzero(slot >= 0)
    if len(rows) < COMMON:
        return False
    rest, jac = np.empty(len(rows)), np.empty((3, 2))
    for i in range(len(rows)):
        k = slot[rows[i]]
        rest[i] = seen[rows[i], ROW] - expected(book.state[k], book.body[k], jac)[ROW]
    shift[0] = np.median(rest)
    return True


@compiled
def _begin(
    book: Book, kind: np.ndarray, box: np.ndarray, seen: np.ndarray, score: float, class_id: int
) -> int:
    """A new track; its row."""
    k = book.used[0]
    book.used[0] += 1
    tall = box[3] - box[1]
    x = max(kind[K_TALL] / max(tall, 1e-6), 2 * NEAREST)
    book.state[k], book.cov[k], book.votes[k] = 0.0, 0.0, 0.0
    book.state[k, X], book.state[k, Y] = x, -seen[COLUMN] * x
    book.cov[k, X, X], book.cov[k, Y, Y] = (0.1 * x) ** 2, (0.03 * x) ** 2
    book.cov[k, VX, VX], book.cov[k, VY, VY] = kind[K_SPEED] ** 2, kind[K_SPEED + 1] ** 2
    book.body[k, TALL], book.body[k, WIDE] = kind[K_TALL], (box[2] - box[0]) * x
    book.body[k, DOWN] = seen[ROW] * x
    book.life[k, UNSEEN], book.life[k, PROVEN], book.life[k, SCORE] = 0.0, score, score
    book.life[k, STRAIN] = 0.0
    book.votes[k, class_id] = score
    book.number[k] = book.used[1]
    book.used[1] += 1
    return k


@compiled
def boxes(book: Book, rows: np.ndarray) -> np.ndarray:
    """(n, 4): the boxes of tracks as rays: left, top, right, bottom."""
    out = np.empty((len(rows), 4))
    for i in range(len(rows)):
        k = rows[i]
        x = book.state[k, X]
        column, row = -book.state[k, Y] / x, book.body[k, DOWN] / x
        wide, tall = book.body[k, WIDE] / x / 2, book.body[k, TALL] / x / 2
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = column - wide, row - tall, column + wide, row + tall
    return out
