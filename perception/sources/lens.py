"""Whether a live camera shows what is there now: frozen, black, over-exposed, covered or blurred pictures.

The limits lie beside 700 pictures of night, fog, snow and day: at night the brightest hundredth is above 45
grey levels, at most half of a picture is white, and a picture that was blurred by 10 pixels of 1280 has a
third of the contrast between neighbours that it has between parts four times as far.
"""

from __future__ import annotations

import cv2
import numpy as np

from perception.blank import is_blank
from perception.health import Health

ROWS = 8  # of so many rows, one is compared
REPEATS, FROZEN_S = 3, 0.2  # so many equal pictures, for so long: a slow camera needs the first
LOOK_S = 0.08  # between two looks at the lens
SAMPLES = 320  # along the width
DARK, WHITE, MOST_WHITE = 24, 250, 0.7  # grey levels, and a share of the picture
SOFT = 0.33  # contrast of neighbours against that of parts four times as far
FAR = 4
CELLS = (20, 12)  # whose means must change, or nothing moves
MOVED = 0.75  # grey levels: the mean of a cell hardly varies with the noise of its pixels
BORNE_S = {"black": 0.1, "overexposed": 0.1, "covered": 0.1, "blurred": 1.0}


class Lens:
    """Tells of one picture after the other what is wrong, by names of `perception.health.REASONS`."""

    def __init__(self, still_s: float = 5.0) -> None:
        """`still_s`: without a change beyond noise for so long, nothing moves."""
        self._still_s = still_s
        self._rows = np.empty((0, 0, 3), np.uint8)
        self._repeats, self._changed_s = 0, 0.0
        self._looked_s = -np.inf
        self._seen: dict[str, tuple[str, float]] = {}  # fault -> text, since
        self._cells = np.zeros(CELLS[::-1], np.float32)
        self._moved_s = 0.0

    def __call__(self, image: np.ndarray, now_s: float) -> dict[str, str]:
        """Reason -> what was found, of all that lasts long enough."""
        frozen = self._frozen(image, now_s)
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            found = self._faults(image, now_s)
            since = {name: self._seen.get(name, ("", now_s))[1] for name in found}
            self._seen = {name: (text, since[name]) for name, text in found.items()}
        lasting = {n: text for n, (text, since) in self._seen.items() if now_s - since >= BORNE_S.get(n, 0)}
        return {**frozen, **lasting}

    def warm(self) -> None:
        """What the first look would wait for: compiled code is read from its cache."""
        is_blank(np.zeros((2 * SAMPLES, 2 * SAMPLES, 3), np.uint8))

    def _frozen(self, image: np.ndarray, now_s: float) -> dict[str, str]:
        rows = image[::ROWS]
        if rows.shape == self._rows.shape and np.array_equal(rows, self._rows):
            self._repeats += 1
        else:
            self._rows, self._repeats, self._changed_s = rows.copy(), 0, now_s
        if self._repeats < REPEATS or now_s - self._changed_s < FROZEN_S:
            return {}
        return {"frozen": "the camera sends the same picture again and again"}

    def _faults(self, image: np.ndarray, now_s: float) -> dict[str, str]:
        """What this picture alone says, and for how long nothing has moved."""
        height, width = image.shape[:2]
        small = image[:: max(1, height // 90), :: max(1, width // 160)]
        brightest = float(np.percentile(small, 99))
        white = float((small.min(axis=2) >= WHITE).mean())
        if brightest < DARK:
            return {"black": f"nothing is brighter than {brightest:.0f} of 255"}
        if white > MOST_WHITE:
            return {"overexposed": f"{white:.0%} of the picture is white"}
        if is_blank(image):
            return {"covered": "the picture shows nothing"}
        return {**_blurred(image), **self._still(image, now_s)}

    def _still(self, image: np.ndarray, now_s: float) -> dict[str, str]:
        few = image[::4, ::4].astype(np.float32)
        cells = cv2.resize(few, CELLS, interpolation=cv2.INTER_AREA).mean(axis=2)
        if np.abs(cells - self._cells).max() > MOVED:
            self._cells, self._moved_s = cells, now_s
        still_s = now_s - self._moved_s
        return {} if still_s < self._still_s else {"still": f"nothing has moved for {self._still_s:.0f} s"}


class LensWatch:
    """Tells a health what `Lens` finds."""

    def __init__(self, health: Health) -> None:
        self._health, self._lens, self._told = health, Lens(), set[str]()

    def __call__(self, image: np.ndarray, now_ns: int) -> None:
        """image: (H, W, 3) uint8 BGR; now_ns: of the health's clock."""
        found = self._lens(image, now_ns / 1e9)
        for name, text in found.items():
            self._health.say(name, text, now_ns)
        self._health.clear(*(self._told - set(found)))
        self._told = set(found)

    def forget(self) -> None:
        """No pictures come any more: nothing is wrong with them."""
        self._health.clear(*self._told)
        self._told, self._lens = set(), Lens()

    def warm(self) -> None:
        self._lens.warm()


def _blurred(image: np.ndarray) -> dict[str, str]:
    height, width = image.shape[:2]
    if width < SAMPLES:
        return {}
    grey = cv2.resize(image, (SAMPLES, max(FAR, height * SAMPLES // width)), interpolation=cv2.INTER_AREA)
    near = grey.mean(axis=2, dtype=np.float32)
    far = cv2.resize(near, None, fx=1 / FAR, fy=1 / FAR, interpolation=cv2.INTER_AREA)
    sharp, coarse = _contrast(near), _contrast(far)
    return {"blurred": "the picture has no fine detail"} if sharp < SOFT * coarse else {}


def _contrast(grey: np.ndarray) -> float:
    """Of neighbours across: what 99 % stay below."""
    return float(np.percentile(np.abs(np.diff(grey, axis=1)), 99))
