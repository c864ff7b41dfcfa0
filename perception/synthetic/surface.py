"""How this drive's ground looks: everything the ground shader needs that does not change with time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perception.camera import CameraModel
from perception.synthetic.ground import shade_ground
from perception.synthetic.layout import ASPHALT, KERB, PAVEMENT, Layout
from perception.synthetic.light import Light
from perception.synthetic.road import Strip
from perception.synthetic.textures import fractal, marks

_COLOURS = np.array(
    [
        (112, 110, 108),
        (104, 101, 98),
        (112, 124, 136),
        (148, 150, 152),
        (138, 142, 146),
        (62, 118, 98),
        (78, 128, 132),
        (108, 108, 108),
    ],
    np.float64,
)  # fmt: skip  BGR by material

OF_ASPHALT = 0.5  # of the drives: their pavements look like their roads
DECOR = np.array([(34, 32, 32), (150, 152, 154), (96, 100, 102)], np.float64)  # tar, pale joints, rails


@dataclass(frozen=True, eq=False)
class Surface:
    grid: np.ndarray  # (H, W, 2) float32 road point of each pixel, x = -1: none
    lens: np.ndarray  # (3,) fx, fy, height
    edges: np.ndarray  # (2,) d of the carriageway's right and left end
    bands: np.ndarray  # (b + 1, 3) d from, d to, material; the last row: side roads
    strokes: np.ndarray  # (k, 6) d, width, on, period, phase, colour
    palette: np.ndarray  # (8, 3) BGR
    colours: np.ndarray  # (n, 3) BGR of white and yellow paint and of what is none
    profile: np.ndarray  # (1000,) brightness across the road, 5 cm apart from d = -25
    marks: np.ndarray  # see textures.marks
    look: (
        np.ndarray
    )  # (8,) blotches, grain, d of the marks' edge, their strength, haze, wear, its unevenness,
    # and whether pavements are of asphalt, 0 or 1
    noise: np.ndarray
    grain: np.ndarray

    @classmethod
    def random(
        cls,
        rng: np.random.Generator,
        layout: Layout,
        light: Light,
        camera: CameraModel,
        snow: bool = False,
    ) -> Surface:
        """`snow`: on all that is soft, and partly on the road."""
        palette = _COLOURS * rng.uniform(0.8, 1.2, (8, 1)) * (1 + rng.normal(0, 0.025, (8, 3)))
        palette[[0, 1, 7]] = palette[0] * np.array([1, rng.uniform(0.86, 1.1), 1])[:, None]
        paint = np.array([(222, 226, 226), (60, 176, 222)]) * rng.uniform(0.86, 1.08)
        paint = np.concatenate([paint, DECOR])
        apart = rng.spawn(2)
        asphalt = _footways(apart[1], palette)
        wear = float(rng.choice((0.0, 0.15, 0.4), p=(0.45, 0.35, 0.2)))
        profile = _profile(rng, layout)
        if snow:
            wear = _snow(apart[0], palette, profile, layout, wear)
        right, left = layout.edges
        look = np.array(
            [
                rng.uniform(0.02, 0.08),
                rng.uniform(0.04, 0.13),
                right,
                rng.uniform(0.3, 1),
                light.haze,
                wear,
                rng.uniform(0.1, 0.4),
                asphalt,
            ]
        )
        strokes = [
            [k.d, k.width, k.on, k.period, k.phase, k.colour]
            for k in (*layout.decor, *(k for line in layout.lines for k in line.strokes))
        ]
        return cls(
            road_grid(camera),
            np.array([camera.fx, camera.fy, camera.height]),
            np.array(layout.edges),
            np.array([*layout.bands, (0, 0, ASPHALT)], np.float64),
            np.array(strokes, np.float64).reshape(-1, 6),
            palette,
            paint,
            profile,
            marks(rng, left - right),
            look,
            fractal(int(rng.integers(4)), 1.2),
            fractal(int(rng.integers(4, 8)), 0.25),
        )

    def paint(
        self,
        image: np.ndarray,
        strip: Strip,
        light: Light,
        mouths: np.ndarray,
        shadows: tuple[np.ndarray, np.ndarray],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Colours the ground of `image`; returns band number + 1 and paint 0..255, both (H, W) uint8."""
        surface, paint = np.zeros(image.shape[:2], np.uint8), np.zeros(image.shape[:2], np.uint8)
        lamps = np.array([light.ambient, light.direct, light.horizon, light.horizon])
        shade_ground(
            image, surface, paint, self.grid, strip.table, strip.s[0], self.lens, self.edges, self.bands,
            mouths, self.strokes, self.palette, self.colours, self.noise, self.grain, self.profile,
            self.marks, self.look, *shadows, lamps, light.wet,
        )  # fmt: skip
        return surface, paint


def road_grid(camera: CameraModel) -> np.ndarray:
    """(H, W, 2) float32: vehicle x, y of the road under each pixel's middle, x = -1 where there is none."""
    w, h = camera.size
    pixels = np.stack(np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5), -1)
    return np.nan_to_num(camera.to_road(pixels), nan=-1.0).astype(np.float32)


def _footways(rng: np.random.Generator, palette: np.ndarray) -> float:
    """1: pavements are of asphalt, as the road is, and their kerbs hardly differ; `palette` in place."""
    if rng.random() >= OF_ASPHALT:
        return 0.0
    palette[PAVEMENT] = palette[ASPHALT] * rng.uniform(0.8, 1.3) * (1 + rng.normal(0, 0.02, 3))
    if rng.random() < 0.5:
        palette[KERB] = palette[ASPHALT] * rng.uniform(0.9, 1.5)
    return 1.0


def _snow(
    rng: np.random.Generator, palette: np.ndarray, profile: np.ndarray, layout: Layout, wear: float
) -> float:
    """Whitens `palette` and, between the wheel tracks, `profile` in place; returns the wear of the paint."""
    white = np.array([236, 232, 228]) * rng.uniform(0.85, 1.0)
    palette[2:7] += rng.uniform(0.5, 1.0, (5, 1)) * (white - palette[2:7])
    slush = rng.uniform(0, 1) if rng.random() < 0.6 else 0.0
    d = np.arange(1000) * 0.05 - 25
    clear = np.zeros(1000)
    for lane in layout.lanes:
        for offset in (-0.75, 0.75):
            clear = np.maximum(clear, np.exp(-(((d - lane.d - offset) / rng.uniform(0.25, 0.6)) ** 4)))
    profile *= 1 + slush * (1 - clear) * rng.uniform(0.4, 1.2)
    return float(min(wear + 0.7 * slush, 0.9))


def _profile(rng: np.random.Generator, layout: Layout) -> np.ndarray:
    """Wheel tracks, an oil stripe in the middle of each lane, seams between them."""
    d = np.arange(1000) * 0.05 - 25
    value = np.ones(1000)
    track, oil = rng.uniform(-0.09, 0.07), rng.uniform(-0.1, 0.0)
    for lane in layout.lanes:
        for offset in (-0.75, 0.75):
            value += track * np.exp(-(((d - lane.d - offset) / 0.3) ** 2))
        value += oil * np.exp(-(((d - lane.d) / 0.35) ** 2))
        value[np.abs(d - lane.d - lane.width / 2 - 0.1) < 0.04] *= rng.uniform(0.8, 1.0)
    return value
