"""A lens that shows nothing, and a camera that hangs: what the node says of the pictures themselves."""

from __future__ import annotations

from itertools import count

import cv2
import numpy as np
import pytest

from perception.sources.synthetic import SyntheticSource
from tests.node.rig import NOW

ROAD = next(iter(SyntheticSource(7, 1))).image[::2, ::2].copy()
SOFT = cv2.GaussianBlur(ROAD, (0, 0), ROAD.shape[1] / 100)
NUMBERS = count()


def other(image):
    """Of another moment: a camera never takes the same picture twice."""
    noise = np.random.default_rng(next(NUMBERS)).integers(-2, 3, image.shape[:2])
    return np.clip(image + noise[..., None], 0, 255).astype(np.uint8)


def reasons(it):
    return it.values()["reasons"].split(", ")


def sent_until(it, make, holds):
    """One image after the other, each when the one before is done."""

    def done():
        counts = it.node.counting.counts()
        return counts.answered + counts.failed + counts.dropped == counts.received

    def sent():
        it.send(make(), stamp_ns=NOW - 10_000_000 + next(NUMBERS))
        it.until(done)
        return holds()

    it.until(sent)


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.full_like(ROAD, 4), "black"),
        (np.full_like(ROAD, 255), "overexposed"),
        (np.full_like(ROAD, 90), "covered"),
        (SOFT, "blurred"),
    ],
)
def test_a_bad_lens_is_a_warning_until_it_is_good_again(rig, picture, reason):
    it = rig()
    it.start()
    sent_until(it, lambda: other(picture), lambda: reason in reasons(it))
    assert it.node.status()["level"] >= 1
    sent_until(it, lambda: other(ROAD), lambda: reason not in reasons(it))


def test_nothing_is_published_of_a_frozen_camera(rig):
    it = rig()
    it.hear("~/lanes")
    it.start()
    sent_until(it, lambda: ROAD, lambda: "frozen" in reasons(it))
    assert (it.node.status()["level"], it.values()["health"]) == (3, "stale")
    before = len(it.heard["~/lanes"])
    sent_until(it, lambda: ROAD, lambda: "withheld: frozen" in it.values()["error"])
    assert len(it.heard["~/lanes"]) == before
    sent_until(it, lambda: other(ROAD), lambda: len(it.heard["~/lanes"]) > before)


@pytest.mark.parametrize("leave", ["deactivate", "switch off", "silent"])
def test_pictures_that_come_no_more_are_not_frozen(rig, leave):
    it = rig(stale_s=0.1)
    it.start()
    sent_until(it, lambda: ROAD, lambda: "frozen" in reasons(it))
    if leave == "deactivate":
        it.node.deactivate()
    elif leave == "switch off":
        it.node.enable(False)
    it.until(lambda: "frozen" not in reasons(it))
