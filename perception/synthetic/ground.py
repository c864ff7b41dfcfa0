"""The ground: every pixel below the horizon is cast to the road plane and coloured there.

A pixel covers a patch of road, long and narrow far away. Paint is averaged over that patch exactly
(an interval in d times an interval in s), textures fade out as the patch outgrows their grain.
The functions below take and return plain numbers, so that numba can join them into one loop.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from perception.synthetic.compiled import compiled, inlined
from perception.synthetic.road import BEHIND, STEP

FAR = 390.0  # metres; beyond, there is only haze
SHADOW_CELL = 0.18  # metres
SHADOW_AHEAD, SHADOW_SIDE = 120.0, 27.0  # metres around the vehicle, in s and d
FADED = 0.04  # a texture that weak is not looked up
CORNER = 5.0  # metres, radius of the corners of side roads


@inlined
def bilinear(tile: Any, u: Any, v: Any) -> Any:
    """A repeating square tile whose side is a power of two."""
    size = tile.shape[0]
    fu, fv = math.floor(u), math.floor(v)
    a, b = u - fu, v - fv
    i, j = int(fu) & (size - 1), int(fv) & (size - 1)
    k, m = (i + 1) & (size - 1), (j + 1) & (size - 1)
    top = tile[i, j] * (1 - b) + tile[i, m] * b
    return top * (1 - a) + (tile[k, j] * (1 - b) + tile[k, m] * b) * a


@inlined
def nearest(tile: Any, u: Any, v: Any) -> Any:
    mask = tile.shape[0] - 1
    return tile[math.floor(u) & mask, math.floor(v) & mask]


@inlined
def locate(x: Any, y: Any, guess: Any, table: Any) -> Any:
    """Vehicle x, y to (s from the strip's start, d, cos, sin): Newton steps from a guess of s."""
    last = table.shape[0] - 1.001
    k = min(max(guess / STEP, 0.0), last)
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
        if abs(along) < 0.002:
            break
    return k * STEP, d, cos, sin


@inlined
def painted(s: Any, on: Any, period: Any) -> Any:
    """Painted metres between 0 and s on a dashed line."""
    n = math.floor(s / period)
    return n * on + min(s - n * period, on)


@inlined
def cover(s: Any, d: Any, foot_s: Any, foot_d: Any, strokes: Any, k: Any) -> Any:
    """Share of the patch around (s, d) that stroke k paints."""
    middle, half = strokes[k, 0], strokes[k, 1] / 2
    low, high = max(d - foot_d / 2, middle - half), min(d + foot_d / 2, middle + half)
    if high <= low:
        return 0.0
    across, on, period = (high - low) / foot_d, strokes[k, 2], strokes[k, 3]
    if on >= period:
        return across
    at = s - strokes[k, 4]
    length = painted(at + foot_s / 2, on, period) - painted(at - foot_s / 2, on, period)
    return across * length / foot_s


@inlined
def in_mouth(s: Any, d: Any, edges: Any, mouths: Any) -> Any:
    """Whether a side road is there; its corners are rounded."""
    for k in range(mouths.shape[0]):
        out = d - edges[1] if mouths[k, 2] > 0 else edges[0] - d
        if out > 0:
            bend = max(CORNER - out, 0.0)
            wide = CORNER - math.sqrt(CORNER * CORNER - bend * bend)
            if mouths[k, 0] - wide < s < mouths[k, 1] + wide:
                return True
    return False


@inlined
def band_at(s: Any, d: Any, bands: Any, edges: Any, mouths: Any, noise: Any) -> Any:
    """Which row of `bands` covers (s, d). The last one is side roads; soft ground has ragged edges."""
    last = bands.shape[0] - 1
    if in_mouth(s, d, edges, mouths):
        return last
    band = last - 1
    for i in range(last):
        if d < bands[i, 1]:
            band = i
            break
    kind = int(bands[band, 2])
    if kind == 2 or (kind >= 5 and kind < 7):
        moved = d + 0.12 * bilinear(noise, s * 31.0, 3.0) + 0.1 * bilinear(noise, s * 7.0, 90.0)
        for i in range(last):
            if moved < bands[i, 1]:
                return i
    return band


@inlined
def fade(foot: Any, grain: Any) -> Any:
    """How much of a texture with that grain (metres) survives averaging over `foot` metres."""
    return 1.0 / (1.0 + (foot / grain) ** 2)


@inlined
def asphalt(
    s: Any, d: Any, foot_s: Any, foot_d: Any, noise: Any, grain: Any, profile: Any, marks: Any, look: Any
) -> Any:
    """Brightness factor: grain, blotches, wheel tracks, and the sheet of cracks and patches."""
    value = 1.0 + look[0] * bilinear(noise, s * 9.0, d * 17.0) * fade(foot_s, 2.0)
    left = fade(foot_s, 0.06)
    if left > FADED:
        value += look[1] * bilinear(grain, s * 53.0, d * 53.0) * left
    left = fade(foot_s, 0.35)
    if left > FADED:
        value += 0.6 * look[1] * nearest(grain, s * 11.0 + 7.0, d * 17.0) * left
    p = min(max(int((d + 25.0) * 20.0), 0), profile.shape[0] - 1)
    value *= profile[p]
    level, cell = 0, max(foot_s * foot_d, 0.0025) / 0.01
    while cell > 1.0 and level < 5:
        cell *= 0.25
        level += 1
    row = 4096 - (4096 >> level) + ((math.floor(s * 20.0) & 2047) >> level)
    column = min(max(int((d - look[2]) * 20.0), 0), marks.shape[1] - 1) >> level
    return value * (1.0 + (marks[row, column] - 128.0) / 128.0 * look[3])


@inlined
def soft(kind: Any, s: Any, d: Any, foot_s: Any, foot_d: Any, noise: Any, grain: Any) -> Any:
    """Brightness factor of gravel (2), grass and fields."""
    coarse = bilinear(noise, s * 3.0, d * 5.0) * fade(foot_s, 8.0)
    fine, middle = 0.0, 0.0
    left = fade(max(foot_s * 0.4, foot_d), 0.08)
    if left > FADED:
        fine = bilinear(grain, s * 23.0, d * 29.0) * left
    left = fade(foot_s * 0.5, 0.5)
    if left > FADED:
        middle = bilinear(grain, s * 4.0 + 11.0, d * 6.0) * left
    if kind == 2:
        return 1.0 + 0.16 * fine + 0.1 * middle + 0.07 * coarse
    return 1.0 + 0.2 * fine + 0.2 * middle + 0.16 * coarse


@inlined
def slabs(kind: Any, s: Any, d: Any, foot_s: Any, foot_d: Any, noise: Any, grain: Any) -> Any:
    """Brightness factor of kerbs (3) and pavements (4): stones with joints."""
    long, joint = 0.55 if kind == 4 else 1.0, 0.02
    u, v = s / long, d / long
    gap = u - math.floor(u) < joint / long or (kind == 4 and v - math.floor(v) < joint / long)
    value = 1.0 + 0.05 * bilinear(noise, s * 3.0, d * 5.0)
    value += 0.05 * bilinear(grain, math.floor(u) * 7.3, math.floor(v) * 5.1) * fade(foot_s, 0.6)
    left = fade(max(foot_s * 0.4, foot_d), 0.08)
    if left > FADED:
        value += 0.05 * bilinear(grain, s * 23.0, d * 29.0) * left
    return value * (1.0 - 0.3 * gap * fade(max(foot_s, foot_d), 0.04))


@inlined
def footway(s: Any, d: Any, foot_s: Any, foot_d: Any, noise: Any, grain: Any, look: Any) -> Any:
    """Brightness factor of a pavement of asphalt, which nobody drives on: finer and evener than a road."""
    value = 1.0 + 0.6 * look[0] * bilinear(noise, s * 11.0, d * 13.0) * fade(foot_s, 2.0)
    left = fade(max(foot_s * 0.4, foot_d), 0.05)
    if left > FADED:
        value += 0.7 * look[1] * bilinear(grain, s * 71.0, d * 67.0) * left
    return value


@inlined
def texture(
    kind: Any,
    s: Any,
    d: Any,
    foot_s: Any,
    foot_d: Any,
    noise: Any,
    grain: Any,
    profile: Any,
    marks: Any,
    look: Any,
) -> Any:
    if kind <= 1 or kind == 7:
        return asphalt(s, d, foot_s, foot_d, noise, grain, profile, marks, look)
    if kind == 4 and look[7] > 0.0:
        return footway(s, d, foot_s, foot_d, noise, grain, look)
    if kind == 3 or kind == 4:
        return slabs(kind, s, d, foot_s, foot_d, noise, grain)
    return soft(kind, s, d, foot_s, foot_d, noise, grain)


@inlined
def worn(s: Any, d: Any, foot_s: Any, noise: Any, grain: Any, look: Any) -> Any:
    """Share 0..1 of the paint that is still there."""
    lost = look[5] + look[6] * bilinear(noise, s * 41.0, d * 61.0) * fade(foot_s, 0.8)
    left = fade(foot_s, 0.08)
    if left > FADED:
        lost += 0.5 * look[6] * bilinear(grain, s * 61.0, d * 61.0) * left
    return min(max(1.0 - lost, 0.0), 1.0)


@inlined
def shade_of(shadow: Any, s: Any, d: Any) -> Any:
    """0..1: how much light is taken away. s from the strip's start."""
    u, v = s / SHADOW_CELL - 0.5, (d + SHADOW_SIDE) / SHADOW_CELL - 0.5
    if u < 0 or v < 0 or u >= shadow.shape[0] - 1 or v >= shadow.shape[1] - 1:
        return 0.0
    i, j = int(u), int(v)
    a, b = u - i, v - j
    top = shadow[i, j] * (1 - b) + shadow[i, j + 1] * b
    return (top * (1 - a) + (shadow[i + 1, j] * (1 - b) + shadow[i + 1, j + 1] * b) * a) / 255.0


@inlined
def mirrored(kind: Any, s: Any, d: Any, x: Any, height: Any, wet: Any, noise: Any) -> Any:
    """Share of sky that wet asphalt mirrors: more at a grazing angle, more in puddles."""
    if wet <= 0.0 or not (kind <= 1 or kind == 7):
        return 0.0
    puddle = min(max(0.65 + 0.35 * bilinear(noise, s * 2.0, d * 9.0), 0.0), 1.0)
    return wet * puddle * (1.0 - height / math.sqrt(x * x + height * height)) ** 3


@compiled
def shade_ground(
    image: np.ndarray,  # (H, W, 3) uint8, written
    surface: np.ndarray,  # (H, W) uint8, written: row of `bands` + 1, 0 where there is no ground
    paint: np.ndarray,  # (H, W) uint8, written: 255 = nothing but lane paint
    grid: np.ndarray,  # (H, W, 2) float32 vehicle x, y; x < 0: sky
    table: np.ndarray,  # Strip.table
    start: float,  # s of its first row
    lens: np.ndarray,  # fx, fy, height
    edges: np.ndarray,  # (2,) d of the carriageway's right and left end
    bands: np.ndarray,  # (b + 1, 3) d from, d to, material; the last row: side roads
    mouths: np.ndarray,  # (n, 3) s from, s to, side of side roads
    strokes: np.ndarray,  # (k, 6) see layout.Stroke
    palette: np.ndarray,  # (8, 3) BGR by material
    colours: np.ndarray,  # (n, 3) BGR of white and yellow paint and of what is none
    noise: np.ndarray,
    grain: np.ndarray,
    profile: np.ndarray,
    marks: np.ndarray,
    look: np.ndarray,  # see Surface.look
    shadow: np.ndarray,  # sun taken away, and below: sky taken away; uint8, see shadows.py
    contact: np.ndarray,
    light: np.ndarray,  # (4, 3) ambient, direct, haze, mirrored sky
    wet: float,
) -> None:
    """Colours all pixels whose ray meets the road plane."""
    fx, fy, height = lens
    colour = np.empty(3)
    for i in range(image.shape[0]):
        along = -1.0
        for j in range(image.shape[1]):
            x, y = grid[i, j, 0], grid[i, j, 1]
            if x <= 0.0 or x > FAR:
                continue
            guess = along if along >= 0.0 else x + BEHIND  # the pixel to the left is not far
            along, d, cos, sin = locate(x, y, guess, table)
            s = along + start
            reach = x / (fy * height)  # a pixel down moves the point by this share of itself
            foot_s = abs(sin * x / fx) + reach * abs(cos * x + sin * y) + 1e-4
            foot_d = math.sqrt((cos * x / fx) ** 2 + (reach * (cos * y - sin * x)) ** 2) + 1e-4
            band = band_at(s, d, bands, edges, mouths, noise)
            surface[i, j] = band + 1
            kind = int(bands[band, 2])
            value = texture(kind, s, d, foot_s, foot_d, noise, grain, profile, marks, look)
            tone = 0.5 * bilinear(noise, s * 1.3 + 40.0, d * 2.1) if kind == 5 or kind == 6 else 0.0
            colour[0] = palette[kind, 0] * value * (1.0 - 0.1 * tone)
            colour[1] = palette[kind, 1] * value
            colour[2] = palette[kind, 2] * value * (1.0 + 0.16 * tone)
            total = 0.0
            for k in range(strokes.shape[0]):
                share = cover(s, d, foot_s, foot_d, strokes, k)
                if share > 0.0:
                    total += share if strokes[k, 5] < 2.0 else 0.0
                    share *= worn(s, d, foot_s, noise, grain, look)
                    for c in range(3):
                        colour[c] += share * (
                            colours[int(strokes[k, 5]), c] * (0.85 + 0.15 * value) - colour[c]
                        )
            paint[i, j] = int(min(total, 1.0) * 255.0)
            sun = 1.0 - shade_of(shadow, along, d)
            under = 1.0 - shade_of(contact, along, d)
            smooth = 0 if kind == 4 and look[7] > 0.0 else kind
            shine = mirrored(smooth, s, d, x, height, wet, noise) * under
            dark = 1.0 - 0.3 * wet * (shine > 0.0)
            fog = 1.0 - math.exp(-look[4] * math.sqrt(x * x + y * y))
            for c in range(3):
                shown = colour[c] * dark * (light[0, c] + light[1, c] * sun) * under
                shown += shine * (light[3, c] - shown)
                image[i, j, c] = int(min(max(shown + fog * (light[2, c] - shown), 0.0), 255.0))
