"""The ground: every pixel below the horizon is cast to the road plane and coloured there.

A pixel covers a patch of road, long and narrow far away. Paint is averaged over that patch exactly
(an interval in d times an interval in s), textures fade out as the patch outgrows their grain.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from perception.synthetic.road import BEHIND, STEP

FAR = 390.0  # metres; beyond, there is only haze
SHADOW_CELL = 0.15  # metres
SHADOW_BEHIND, SHADOW_AHEAD, SHADOW_SIDE = 10.0, 120.0, 27.0  # metres around the vehicle, in s, s, d


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def bilinear(tile, u, v):
    """A repeating square tile whose side is a power of two."""
    size = tile.shape[0]
    fu, fv = math.floor(u), math.floor(v)
    a, b = u - fu, v - fv
    i, j = int(fu) & (size - 1), int(fv) & (size - 1)
    k, m = (i + 1) & (size - 1), (j + 1) & (size - 1)
    top = tile[i, j] * (1 - b) + tile[i, m] * b
    return top * (1 - a) + (tile[k, j] * (1 - b) + tile[k, m] * b) * a


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def locate(x, y, table):
    """Vehicle x, y to (s from the strip's start, d, cos, sin): Newton steps on the foot of the perpendicular."""
    last = table.shape[0] - 1.001
    k = min(max((x + BEHIND) / STEP, 0.0), last)
    cos, sin, d = 1.0, 0.0, 0.0
    for _ in range(4):
        i = int(k)
        f = k - i
        px = table[i, 0] + f * (table[i + 1, 0] - table[i, 0])
        py = table[i, 1] + f * (table[i + 1, 1] - table[i, 1])
        cos = table[i, 2] + f * (table[i + 1, 2] - table[i, 2])
        sin = table[i, 3] + f * (table[i + 1, 3] - table[i, 3])
        along = (x - px) * cos + (y - py) * sin
        d = -(x - px) * sin + (y - py) * cos
        k = min(max(k + along / STEP, 0.0), last)
    return k * STEP, d, cos, sin


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def _painted(s, on, period):
    """Painted metres between 0 and s on a dashed line."""
    n = math.floor(s / period)
    return n * on + min(s - n * period, on)


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def cover(s, d, foot_s, foot_d, stroke):
    """Share of the patch around (s, d) that a stroke paints."""
    half = stroke[1] / 2
    low, high = max(d - foot_d / 2, stroke[0] - half), min(d + foot_d / 2, stroke[0] + half)
    if high <= low:
        return 0.0
    across = (high - low) / foot_d
    if stroke[2] >= stroke[3]:
        return across
    at = s - stroke[4]
    painted = _painted(at + foot_s / 2, stroke[2], stroke[3]) - _painted(at - foot_s / 2, stroke[2], stroke[3])
    return across * painted / foot_s


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def material(d, bands):
    for i in range(bands.shape[0]):
        if d < bands[i, 1]:
            return i
    return bands.shape[0] - 1


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def fade(foot, grain):
    """How much of a texture with that grain (metres) survives averaging over `foot` metres."""
    return 1.0 / (1.0 + (foot / grain) ** 2)


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def asphalt(s, d, foot_s, foot_d, noise, grain, profile, marks, look):
    """Brightness factor: grain, blotches, wheel tracks, and the sheet of cracks and patches."""
    value = 1.0 + look[0] * bilinear(noise, s * 9.0, d * 17.0) * fade(foot_s, 2.0)
    value += look[1] * bilinear(grain, s * 53.0, d * 53.0) * fade(foot_s, 0.06)
    value += 0.6 * look[1] * bilinear(grain, s * 11.0 + 7.0, d * 17.0) * fade(foot_s, 0.35)
    p = min(max(int((d + 25.0) * 20.0), 0), profile.shape[0] - 1)
    value *= profile[p]
    level = min(max(int(math.log2(max(math.sqrt(foot_s * foot_d), 0.05) / 0.05)), 0), 5)
    sheet = marks[level]
    row = int(s * 20.0) % 2048 >> level
    column = min(max(int((d - look[2]) * 20.0) >> level, 0), sheet.shape[1] - 1)
    return value * (1.0 + (sheet[row, column] - 128.0) / 128.0 * look[3])


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def rough(kind, s, d, foot_s, foot_d, noise, grain):
    """Brightness factor of every other surface."""
    coarse = bilinear(noise, s * 3.0, d * 5.0) * fade(foot_s, 8.0)
    fine = bilinear(grain, s * 23.0, d * 29.0) * fade(max(foot_s * 0.4, foot_d), 0.08)
    middle = bilinear(grain, s * 4.0 + 11.0, d * 6.0) * fade(foot_s * 0.5, 0.5)
    if kind == 2:  # gravel
        return 1.0 + 0.16 * fine + 0.1 * middle + 0.07 * coarse
    if kind >= 5:  # grass, field
        return 1.0 + 0.2 * fine + 0.2 * middle + 0.16 * coarse
    slab = 0.55 if kind == 4 else 1.0
    joint = 0.02
    gap = 0.0
    if s / slab - math.floor(s / slab) < joint / slab or (kind == 4 and d / slab - math.floor(d / slab) < joint / slab):
        gap = 0.3 * fade(max(foot_s, foot_d), 0.04)
    tile = bilinear(grain, math.floor(s / slab) * 7.3, math.floor(d / slab) * 5.1) * fade(foot_s, 0.6)
    return (1.0 + 0.05 * fine + 0.05 * coarse + 0.05 * tile) * (1.0 - gap)


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def shade_of(shadow, s, d):
    """0..1: how much of the sun is taken away. s from the shadow map's start."""
    u, v = s / SHADOW_CELL - 0.5, (d + SHADOW_SIDE) / SHADOW_CELL - 0.5
    if u < 0 or v < 0 or u >= shadow.shape[0] - 1 or v >= shadow.shape[1] - 1:
        return 0.0
    i, j = int(u), int(v)
    a, b = u - i, v - j
    top = shadow[i, j] * (1 - b) + shadow[i, j + 1] * b
    return (top * (1 - a) + (shadow[i + 1, j] * (1 - b) + shadow[i + 1, j + 1] * b) * a) / 255.0


@njit(cache=True, fastmath=True, error_model="numpy")
def shade_ground(
    image, surface, paint, grid, table, start, lens, bands, palette, strokes, colours, noise, grain, profile,
    marks, look, shadow, contact, ambient, direct, haze_colour, mirror,
):  # fmt: skip
    """Colours all pixels whose ray meets the road plane.

    image: (H, W, 3) uint8. surface: (H, W) uint8, index of the band + 1. paint: (H, W) uint8, 255 =
    all paint. grid: (H, W, 2) float32 vehicle x, y; x < 0: sky. start: s of the table's first row.
    lens: fx, fy, height. look: see `Surface.look`.
    """
    fx, fy, height = lens
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            x, y = grid[i, j, 0], grid[i, j, 1]
            if x <= 0.0 or x > FAR:
                continue
            distance = math.sqrt(x * x + y * y)
            fog = 1.0 - math.exp(-look[4] * distance)
            along, d, cos, sin = locate(x, y, table)
            s = along + start
            reach = x / (fy * height)  # a pixel down moves the point by this share of itself
            foot_s = abs(sin * x / fx) + reach * abs(cos * x + sin * y) + 1e-4
            foot_d = math.sqrt((cos * x / fx) ** 2 + (reach * (cos * y - sin * x)) ** 2) + 1e-4
            ragged = 0.12 * bilinear(noise, s * 31.0, 3.0) + 0.1 * bilinear(noise, s * 7.0, 90.0)
            band = material(d, bands)
            kind = int(bands[band, 2])
            if kind == 2 or kind >= 5 and kind < 7:
                band = material(d + ragged * bands[band, 3], bands)
                kind = int(bands[band, 2])
            surface[i, j] = band + 1
            paved = kind <= 1 or kind == 7
            if paved:
                value = asphalt(s, d, foot_s, foot_d, noise, grain, profile, marks, look)
            else:
                value = rough(kind, s, d, foot_s, foot_d, noise, grain)
            tone = bilinear(noise, s * 1.3 + 40.0, d * 2.1) * 0.5
            b, g, r = palette[kind, 0] * value, palette[kind, 1] * value, palette[kind, 2] * value
            if kind >= 5 and kind < 7:
                b, r = b * (1.0 - 0.1 * tone), r * (1.0 + 0.16 * tone)
            total = 0.0
            for k in range(strokes.shape[0]):
                share = cover(s, d, foot_s, foot_d, strokes[k])
                if share > 0.0:
                    total += share
                    worn = look[5] + look[6] * bilinear(noise, s * 41.0, d * 61.0) * fade(foot_s, 0.8)
                    worn += 0.5 * look[6] * bilinear(grain, s * 61.0, d * 61.0) * fade(foot_s, 0.08)
                    share *= min(max(1.0 - worn, 0.0), 1.0)
                    c = int(strokes[k, 5])
                    keep = 0.85 + 0.15 * value
                    b += share * (colours[c, 0] * keep - b)
                    g += share * (colours[c, 1] * keep - g)
                    r += share * (colours[c, 2] * keep - r)
            paint[i, j] = int(min(total, 1.0) * 255.0)
            dark = shade_of(shadow, s - look[7], d)
            under = 1.0 - shade_of(contact, s - look[7], d)
            if paved and mirror[3] > 0.0:
                shine = mirror[3] * (1.0 - height / math.sqrt(distance * distance + height * height)) ** 3
                shine *= min(max(0.65 + 0.35 * bilinear(noise, s * 2.0, d * 9.0), 0.0), 1.0) * under
                b, g, r = b * (1 - 0.3 * mirror[3]), g * (1 - 0.3 * mirror[3]), r * (1 - 0.3 * mirror[3])
            else:
                shine = 0.0
            sun = 1.0 - dark
            b = b * (ambient[0] + direct[0] * sun) * under
            g = g * (ambient[1] + direct[1] * sun) * under
            r = r * (ambient[2] + direct[2] * sun) * under
            b += shine * (mirror[0] - b)
            g += shine * (mirror[1] - g)
            r += shine * (mirror[2] - r)
            image[i, j, 0] = int(min(max(b + fog * (haze_colour[0] - b), 0.0), 255.0))
            image[i, j, 1] = int(min(max(g + fog * (haze_colour[1] - g), 0.0), 255.0))
            image[i, j, 2] = int(min(max(r + fog * (haze_colour[2] - r), 0.0), 255.0))

