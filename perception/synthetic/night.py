"""A scene that was painted in even light, lit anew by lamps, in linear light."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from perception.synthetic.canvas import GLOW
from perception.synthetic.compiled import compiled
from perception.synthetic.depth import SKY

LINEAR = (np.arange(256) / 255).astype(np.float32) ** np.float32(2.2)


@dataclass(frozen=True, eq=False)
class Night:
    """What a drive's lamps are like."""

    ambient: np.ndarray  # (3,) linear light from the whole sky
    beam: float  # of the own headlights, 0 = off
    high: bool  # high beam
    lamp: np.ndarray  # (3,) linear colour of street lamps times their power
    every: float  # metres between the lamps of a tunnel
    ceiling: float  # metres above the road in a tunnel; 0: open sky
    lit: float  # share of lit windows
    exposure: float

    @classmethod
    def random(cls, rng: np.random.Generator, setting: str, tunnel: bool) -> Night:
        lamps = rng.random() < {"town": 0.9, "suburb": 0.8, "country": 0.12, "motorway": 0.35}[setting]
        colour = np.array(((0.25, 0.62, 1.0), (0.85, 0.95, 1.0), (0.6, 0.85, 1.0))[rng.integers(3)])
        power = 10 ** rng.uniform(0.6, 1.5) * (1.5 if tunnel else 1.0)
        sky = rng.uniform(0.3, 1) * 10 ** rng.uniform(-3.6, -2.0) * np.array([1.2, 1.0, 0.95])
        return cls(
            sky + (0.02 * colour if tunnel else 0),
            float(10 ** rng.uniform(1.2, 2.2)) if rng.random() < 0.93 else 0.0,
            bool(rng.random() < 0.15),
            power * colour * (lamps or tunnel),
            float(rng.uniform(9, 22)),
            float(rng.uniform(5.2, 6.6)) if tunnel else 0.0,
            round(float(rng.uniform(0.05, 0.5)), 1) + 0.05,
            float(np.exp(rng.normal(0, 0.5))),
        )


@compiled
def relit(
    image: np.ndarray,  # (H, W, 3) uint8, painted in even light
    ids: np.ndarray,
    depth: np.ndarray,  # (H, W) float32 metres along the ground
    rays: np.ndarray,  # (H, W, 2) float32 azimuth, elevation
    paint: np.ndarray,  # (H, W) uint8: lane paint, which sends light back
    boards: np.ndarray,  # (m,) bool by ident - 2: signs, which do so still more
    table: np.ndarray,  # LINEAR
    eye: float,  # metres, of the camera
    ambient: np.ndarray,
    beam: float,
    high: bool,
    ceiling: float,
    sky: float,  # factor on what is painted above the horizon
    lamps: np.ndarray,  # (n, 8) x, y, z, power B G R, heading (radians; 9 = downwards), reach
) -> np.ndarray:
    """(H, W, 3) float32 linear light that reaches the camera."""
    out = np.empty(image.shape, np.float32)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            ident, r, azimuth, up = int(ids[i, j]), depth[i, j], rays[i, j, 0], rays[i, j, 1]
            if ident == GLOW or (r >= SKY and ceiling == 0.0):
                for c in range(3):
                    out[i, j, c] = table[image[i, j, c]] * (1.6 if ident == GLOW else sky)
                continue
            down = False
            if r >= SKY:
                r, down = min((ceiling - eye) / max(math.tan(up), 0.002), 400.0), True
            ground = ident == 0 and not down
            x, y = r * math.cos(azimuth), r * math.sin(azimuth)
            z = 0.0 if ground else max(eye + r * math.tan(up), 0.0)
            b, g, red = ambient[0], ambient[1], ambient[2]
            if beam > 0.0:
                dx, dz = x - 1.5, z - 0.65
                square = dx * dx + y * y + dz * dz + 0.3
                length = math.sqrt(square)
                side, level = y / max(length, 0.5), dz / length
                if dx > 0.2:
                    cut = 0.0 if high else min(max((level + 0.004 + 0.03 * side) / 0.012, 0.0), 1.0)
                    spot = math.exp(-((side / 0.33) ** 2)) * math.exp(-abs(level + 0.012) / 0.07)
                    power = beam * (spot * (1.0 - 0.985 * cut) + 0.004) / square
                    face = 0.65 / length if ground else 0.8
                    if ground:
                        power *= 1.0 + 9.0 * paint[i, j] / 255.0
                    elif ident > 1 and ident - 2 < boards.shape[0] and boards[ident - 2]:
                        power *= 45.0
                    power *= face
                    b, g, red = b + power * 0.86, g + power * 0.96, red + power
            for k in range(lamps.shape[0]):
                dx, dy, dz = x - lamps[k, 0], y - lamps[k, 1], lamps[k, 2] - z
                square = dx * dx + dy * dy + dz * dz + 0.15
                if square > lamps[k, 7] * lamps[k, 7]:
                    continue
                length = math.sqrt(square)
                if lamps[k, 6] > 8.0:
                    power = max(dz, 0.0) / length if not down else 0.12
                    face = power if ground else 0.75
                else:
                    ahead = (dx * math.cos(lamps[k, 6]) + dy * math.sin(lamps[k, 6])) / length
                    power = max(ahead, 0.0) ** 12
                    face = max(dz, 0.05) / length if ground else 0.6
                power *= face / square
                b += power * lamps[k, 3]
                g += power * lamps[k, 4]
                red += power * lamps[k, 5]
            out[i, j, 0] = table[image[i, j, 0]] * b
            out[i, j, 1] = table[image[i, j, 1]] * g
            out[i, j, 2] = table[image[i, j, 2]] * red
    return out
