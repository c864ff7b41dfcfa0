"""Shadows on the ground, as maps over (s, d) around the vehicle."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from perception.synthetic.ground import SHADOW_AHEAD, SHADOW_CELL, SHADOW_SIDE
from perception.synthetic.light import Light
from perception.synthetic.people import Figure
from perception.synthetic.road import BEHIND, Strip
from perception.synthetic.scenery import Backdrop, Building, Item, Parked, Post, Tree
from perception.synthetic.traffic import Mover
from perception.synthetic.vehicles import Vehicle


def shadow_maps(
    things: Sequence[Item | Mover], s: float, light: Light, heading: float, strip: Strip
) -> tuple[np.ndarray, np.ndarray]:
    """(rows along s, columns along d) uint8: sun taken away, and sky taken away close under things.

    Row 0 lies BEHIND metres behind the vehicle, as in the strip.
    """
    rows = round((BEHIND + SHADOW_AHEAD) / SHADOW_CELL)
    shape = (rows, round(2 * SHADOW_SIDE / SHADOW_CELL))
    sun, contact = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for thing in things:
        if not -30 < thing.s - s < SHADOW_AHEAD + 20:
            continue
        at = np.array([thing.s - strip.s[0], thing.d + SHADOW_SIDE])
        if isinstance(thing, Mover | Parked):
            body = thing.vehicle if isinstance(thing, Parked) else thing.body
            _under(contact, at, body)
        if light.weather == "sun":
            road = heading + float(strip.turn(thing.s))
            _cast(sun, thing, at, _throw(light, road))
    return cv2.GaussianBlur(sun, (0, 0), 1.2), cv2.GaussianBlur(contact, (0, 0), 1.6)


def shade_at(sun: np.ndarray, s: float, d: float) -> float:
    """0..1 at one point; s from the first row."""
    i, j = int(s / SHADOW_CELL), int((d + SHADOW_SIDE) / SHADOW_CELL)
    inside = 0 <= i < sun.shape[0] and 0 <= j < sun.shape[1]
    return float(sun[i, j]) / 255 if inside else 0.0


def _throw(light: Light, road: float) -> np.ndarray:
    """(s, d) metres that the shadow of a point 1 m up is away from it."""
    turn = light.azimuth - road + np.pi
    return np.array([np.cos(turn), np.sin(turn)]) / max(np.tan(light.elevation), 0.25)


def _fill(sheet: np.ndarray, corners: np.ndarray, value: int) -> None:
    cells = cv2.convexHull((corners[:, ::-1] / SHADOW_CELL).astype(np.float32))
    cv2.fillConvexPoly(sheet, (cells * 16).astype(np.int32), value, cv2.LINE_8, 4)


def _box(at: np.ndarray, length: float, width: float) -> np.ndarray:
    return at + np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (length / 2, width / 2)


def _under(contact: np.ndarray, at: np.ndarray, body: Vehicle | Figure) -> None:
    if isinstance(body, Vehicle):
        _fill(contact, _box(at, body.length, body.width), 190)
    else:
        _fill(contact, _box(at, 0.5, 0.4), 110)


def _cast(sun: np.ndarray, thing: Item | Mover, at: np.ndarray, throw: np.ndarray) -> None:
    if isinstance(thing, Tree):
        if abs((at + throw * thing.height * 0.6)[1] - SHADOW_SIDE) > SHADOW_SIDE:
            return
        centre = (at + throw * thing.height * 0.6)[::-1] / SHADOW_CELL
        size = thing.height * 0.3 / SHADOW_CELL
        rng = np.random.default_rng(int(thing.s * 1000) % 2**31)
        spots = centre + rng.normal(0, 0.5, (26, 2)) * size * 0.8
        for (x, y), r in zip(spots, rng.uniform(0.15, 0.42, 26) * size, strict=True):
            cv2.circle(sun, (int(x), int(y)), max(1, int(r)), int(rng.integers(170, 245)), -1)
        _fill(
            sun,
            np.array(
                [
                    at - 0.12,
                    at + 0.12,
                    at + throw * thing.height * 0.5 + 0.1,
                    at + throw * thing.height * 0.5 - 0.1,
                ]
            ),
            220,
        )
    elif isinstance(thing, Backdrop):
        foot = at + np.array([(0, 0), (thing.length, 0)])
        _fill(sun, np.concatenate([foot, foot + throw * thing.height * 0.8]), 235)
    elif isinstance(thing, Building):
        side = np.sign(thing.d)
        foot = at + np.array(
            [(0, 0), (thing.length, 0), (thing.length, side * thing.depth), (0, side * thing.depth)]
        )
        _fill(sun, np.concatenate([foot, foot + throw * thing.height]), 250)
    elif isinstance(thing, Post):
        top = at + throw * thing.height
        _fill(sun, np.array([at - 0.06, at + 0.06, top + 0.06, top - 0.06]), 220)
    elif isinstance(thing, Mover | Parked):
        body = thing.vehicle if isinstance(thing, Parked) else thing.body
        length, width, height = 0.5, 0.45, 1.6
        if isinstance(body, Vehicle):
            length, width, height = body.length, body.width, body.height
        foot = _box(at, length, width)
        top = _box(at, length * 0.6, width * 0.8) + throw * height
        _fill(sun, np.concatenate([foot, top]), 245)
