"""Lamps in the picture: discs too bright for the sensor, their glare, their mirror image on a wet road."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_TONES = (255 * (1 - np.exp(-8 * np.linspace(0, 1, 4096) ** 2)) ** (1 / 2.2)).astype(np.uint8)  # by root


@dataclass(frozen=True, eq=False)
class Shine:
    """A lamp in the picture."""

    at: np.ndarray  # (2,) pixels
    foot: np.ndarray  # (2,) pixels: its mirror image in the road
    radius: float  # pixels
    colour: np.ndarray  # (3,) linear, BGR, times its power
    ident: int  # of what it belongs to: it is seen if that is


def add_lamps(light: np.ndarray, shines: list[Shine], ids: np.ndarray, wet: float) -> None:
    """Adds them to `light` (H, W, 3) linear float32 in place; `ids` (H, W) says what hides what."""
    h, w = ids.shape
    mirror = np.zeros((h // 4, w // 4, 3), np.float32)
    for x in shines:
        column, row = (int(v) for v in x.at)
        if not (0 <= column < w and 0 <= row < h) or ids[row, column] != x.ident:
            continue
        if x.radius < 0.8:
            light[row, column] += x.colour * (np.pi * x.radius**2)
        else:
            points = (int(x.at[0] * 8), int(x.at[1] * 8))
            cv2.circle(light, points, max(4, int(x.radius * 8)), x.colour.tolist(), -1, cv2.LINE_8, 3)
        if wet > 0:
            near, far = ((x.foot + x.at) / 8).astype(int), ((x.foot * 1.15 - x.at * 0.15) / 4).astype(int)
            colour = (x.colour * 0.05 * wet).tolist()
            cv2.line(mirror, near.tolist(), far.tolist(), colour, max(1, int(x.radius / 2)))
    if wet > 0:
        mirror = cv2.GaussianBlur(mirror, (0, 0), 1.2, sigmaY=w / 130)
        light += cv2.resize(mirror, (w, h)) * (ids == 0)[..., None]


def bloom(light: np.ndarray, strength: float, streak: float, angle: float) -> np.ndarray:
    """`light` (H, W, 3) with the glare of lens and glass around what is bright.

    streak: share of the glare that runs along `angle` (radians), as wiped glass makes it.
    """
    h, w = light.shape[:2]
    small = cv2.resize(np.minimum(light, 200.0), (w // 4, h // 4), interpolation=cv2.INTER_AREA)
    glare = 0.5 * cv2.GaussianBlur(small, (0, 0), w / 640) + 0.3 * cv2.GaussianBlur(small, (0, 0), w / 160)
    tiny = cv2.resize(small, (w // 16, h // 16), interpolation=cv2.INTER_AREA)
    wide = cv2.GaussianBlur(tiny, (0, 0), w / 160)
    glare += 0.2 * cv2.resize(wide, (w // 4, h // 4))
    if streak > 0:
        size = (w // 12) | 1
        kernel = np.zeros((size, size), np.float32)
        reach = np.array([np.cos(angle), np.sin(angle)]) * size / 2
        ends = [tuple(int(v) for v in size / 2 + s * reach) for s in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA)
        glare += streak * cv2.filter2D(cv2.GaussianBlur(small, (0, 0), 1.5), -1, kernel / kernel.sum())
    return np.asarray(light + strength * cv2.resize(glare, (w, h)))


def tone(light: np.ndarray, exposure: float) -> np.ndarray:
    """Linear light to display values (H, W, 3) uint8, with a soft shoulder."""
    root = np.sqrt(light * np.float32(exposure / 8))
    return np.asarray(_TONES[np.minimum(root * np.float32(4095), 4095).astype(np.uint16)])
