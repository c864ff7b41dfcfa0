"""Which views of the board are used: sharp ones, and of many those that differ most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from calibration.camera.board import Board, View, other_boards
from perception.errors import PerceptionError
from perception.types import Frame, Size

SHOWN = 5  # pictures that are searched for another board
ENOUGH = 40  # views: more make it slower and hardly better
FEWEST = 5
BLURRED = 1.6  # times the edge width of the sharpest tenth of the views
ALIKE = 0.03  # distance of two views of a video, in `_features`, below which the second adds nothing
SAME = 0.01  # of the picture: photos in which no corner is farther from itself say the same
PARTS = (3, 3)  # of a picture, columns and rows
ACROSS, DOWN = ("left", "middle", "right"), ("top", "middle", "bottom")


@dataclass
class Search:
    """What was found in a source."""

    pictures: int = 0
    views: list[View] = field(default_factory=list)
    without: list[str] = field(default_factory=list)  # pictures without the whole board
    blurred: list[str] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)  # photos that repeat another
    odd: list[str] = field(default_factory=list)  # of another size
    size: Size = (0, 0)


def search(
    frames: Iterable[Frame],
    board: Board,
    stills: bool,
    progress: Callable[[Search], None] = lambda found: None,
    enough: int = ENOUGH,
) -> Search:
    """Views of the board, those that differ: of a video until there are `enough`, or until Ctrl-C.

    Raises PerceptionError if there are too few, and says what may be wrong.
    """
    found, shown = Search(), list[np.ndarray]()
    with suppress(KeyboardInterrupt):  # what was found by then is used
        for number, frame in enumerate(frames):
            found.pictures += 1
            shown += [frame.image] if number < SHOWN else []
            if not found.views and found.size == (0, 0):
                found.size = frame.size
            name = frame.source.rpartition("/")[2] if stills else f"frame {frame.seq or number}"
            _look(frame, board, name, stills, found)
            progress(found)
            if not stills and len(found.views) >= 2 * enough:
                break
    _drop_blurred(found)
    _drop_alike(found)
    if len(found.views) < FEWEST:
        raise PerceptionError(_too_few(found, board, shown))
    if len(found.views) > enough:
        found.views = spread(found.views, enough)
    return found


def _look(frame: Frame, board: Board, name: str, stills: bool, found: Search) -> None:
    view = board.find(frame.image, name)
    if view is None:
        found.without.append(name)
    elif max(abs(a - b) for a, b in zip(view.size, found.size, strict=True)) > 1:
        found.odd.append(name)
    elif stills or all(_distance(view, other) > ALIKE for other in found.views):
        found.views.append(view)


def _drop_blurred(found: Search) -> None:
    """Views much less sharp than the sharpest ones, which show what the lens can do."""
    if len(found.views) <= FEWEST:
        return
    limit = BLURRED * float(np.percentile([view.edge_px for view in found.views], 10))
    found.blurred = [view.name for view in found.views if view.edge_px > limit]
    found.views = [view for view in found.views if view.edge_px <= limit]


def _drop_alike(found: Search) -> None:
    """Views that repeat one before: they would count as more evidence, and are none."""
    given, found.views = found.views, []
    for view in given:
        if any(_moved(view, other) < SAME for other in found.views):
            found.alike.append(view.name)
        else:
            found.views.append(view)


def _moved(a: View, b: View) -> float:
    """How far the corner moved that moved most, in shares of the picture; inf: most are not in both."""
    mine, its = np.nonzero((a.points[:, None] == b.points).all(-1))
    if 2 * len(mine) < max(len(a.points), len(b.points)):
        return float("inf")
    return float(np.linalg.norm(a.corners[mine] - b.corners[its], axis=1).max() / max(a.size))


def spread(views: Sequence[View], count: int) -> list[View]:
    """Views that differ most from each other: each next is farthest from those chosen (Gonzalez 1985)."""
    places = np.array([_features(view) for view in views])
    chosen = [int(np.argmax([view.coverage for view in views]))]
    distance = np.linalg.norm(places - places[chosen[0]], axis=1)
    while len(chosen) < min(count, len(views)):
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(places - places[chosen[-1]], axis=1))
    return [views[k] for k in sorted(chosen)]


def _features(view: View) -> np.ndarray:
    """Where the board is, how large and how it is turned, each in shares of the picture."""
    corners = view.corners / max(view.size)
    hull = corners[[0, -1]]
    spreads = np.linalg.svd(corners - corners.mean(0), compute_uv=False) / np.sqrt(len(corners))
    return np.concatenate([corners.mean(0), 2 * spreads, (hull[1] - hull[0]) / 2])


def _distance(a: View, b: View) -> float:
    return float(np.linalg.norm(_features(a) - _features(b)))


def empty_parts(views: Sequence[View]) -> list[str]:
    """The parts of the picture in which no view has a corner: "top left", ..."""
    seen = set()
    for view in views:
        cells = np.clip(view.corners / view.size * PARTS, 0, np.array(PARTS) - 1).astype(int)
        seen |= set(map(tuple, cells.tolist()))
    missing = [(row, column) for row, column in product(range(3), range(3)) if (column, row) not in seen]
    return [
        "middle" if (row, column) == (1, 1) else f"{DOWN[row]} {ACROSS[column]}" for row, column in missing
    ]


def _too_few(found: Search, board: Board, shown: Sequence[np.ndarray]) -> str:
    if found.pictures == 0:
        return f"expected pictures of a {board}, got none"
    said = (
        f"expected at least {FEWEST} views of a {board}, got {len(found.views)} in {found.pictures} pictures"
    )
    if found.blurred:
        return f"{said}; {len(found.blurred)} are blurred: hold the board still, or give more light"
    if found.alike:
        return f"{said}; {len(found.alike)} repeat another: move the board or the camera between photos"
    if found.odd:
        width, height = found.size
        return f"{said}; {len(found.odd)} pictures are of another size than {width} x {height}"
    counted = Counter(
        size for image in shown if not board.markers for size in other_boards(image, board.inner)
    )
    if counted:
        (columns, rows), _ = counted.most_common(1)[0]
        return f"{said}; a board of {columns}x{rows} is there: count the corners where four squares meet"
    if found.views:
        return f"{said}; show the board from more directions, in all parts of the picture"
    return f"{said}; the whole board must be seen, with a white border, sharp and not too small"
