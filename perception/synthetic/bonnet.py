"""Bonnets: many shapes and paints, with the surroundings mirrored in them."""

from __future__ import annotations

import cv2
import numpy as np

GRID = 160  # pixels: paint is shaded that wide and enlarged; its outline is sharp
_PAINTS = (  # BGR, share
    ((16, 15, 15), 0.2),
    ((238, 238, 236), 0.18),
    ((150, 148, 146), 0.16),
    ((80, 78, 78), 0.1),
    ((28, 22, 150), 0.1),
    ((130, 60, 26), 0.07),
    ((60, 40, 24), 0.04),
    ((60, 90, 40), 0.03),
    ((140, 190, 206), 0.04),
    ((30, 160, 220), 0.03),
    ((0, 0, 0), 0.05),  # any hue
)


def bonnet(
    image: np.ndarray, alpha: np.ndarray, rng: np.random.Generator, scene: np.ndarray, light: float
) -> None:
    """Paints one over `image` (h, w, 3) and `alpha` (h, w), both uint8, in place.

    scene: (., ., 3) uint8, the surroundings, small; light: factor on its paint.
    """
    h, w = alpha.shape
    edge = outline(rng, w) * h
    top = int(np.clip(np.floor(edge.min()) - 3, 0, h - 2))
    colour = _shaded(rng, edge, (h, w), scene, light)
    patch = image[top:]
    patch[:] = cv2.resize(colour, (w, h - top), interpolation=cv2.INTER_LINEAR)
    _seams(patch, rng, edge - top, light)
    soft = max(0.7, rng.uniform(0.5, 3.0) * w / 900)
    y = np.arange(top, h, dtype=np.float32)[:, None]
    share = np.clip((y - edge[None].astype(np.float32)) * np.float32(255 / soft) + 127, 0, 255)
    np.maximum(alpha[top:], share.astype(np.uint8), out=alpha[top:])


def outline(rng: np.random.Generator, w: int) -> np.ndarray:
    """(w,) where its upper edge is, as a share of the picture's height, 1 = below the picture.

    An arc, tilted, often off centre or cut diagonally, with a bulge in the middle and ribs on both sides.
    """
    rise = 0.03 + 0.32 * rng.beta(1.2, 2.0)
    centre = rng.normal(0, 0.22) if rng.random() < 0.75 else rng.uniform(-1, 1)
    x = np.linspace(-1, 1, w) - centre
    far = np.abs(x)
    drop = rise * rng.choice((0.12, 0.4, 0.8, 1.3), p=(0.25, 0.3, 0.3, 0.15)) * rng.uniform(0.6, 1.4)
    edge = 1 - rise + drop * far ** rng.uniform(1.6, 5)
    edge += rng.normal(0, 0.15) * rise * x
    if rng.random() < 0.35:
        edge -= rng.uniform(0.05, 0.3) * rise * np.exp(-((x / rng.uniform(0.15, 0.5)) ** 4))
    if rng.random() < 0.45:
        at, wide = rng.uniform(0.35, 0.95), rng.uniform(0.05, 0.25)
        edge -= rng.uniform(0.05, 0.35) * rise * np.exp(-(((far - at) / wide) ** 2))
    return np.asarray(np.maximum(edge, 0.62))


def _paint(rng: np.random.Generator) -> np.ndarray:
    shares = np.array([share for _, share in _PAINTS])
    k = int(rng.choice(len(_PAINTS), p=shares / shares.sum()))
    if k == len(_PAINTS) - 1:
        hue = np.array([[rng.integers((0, 60, 50), (180, 240, 230))]], np.uint8)
        return np.asarray(cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0], np.float32)
    return np.asarray(np.array(_PAINTS[k][0]) * rng.uniform(0.75, 1.08) + rng.normal(0, 3, 3), np.float32)


def _shaded(
    rng: np.random.Generator, edge: np.ndarray, shape: tuple[int, int], scene: np.ndarray, light: float
) -> np.ndarray:
    """(k, GRID, 3) uint8: everything from the highest point of `edge` (w,) pixels to the lower edge."""
    h, w = shape
    top = float(np.clip(np.floor(edge.min()) - 3, 0, h - 2))
    rows = max(8, min(96, round(GRID * (h - top) / w)))
    x = np.linspace(-1, 1, GRID, dtype=np.float32)[None]
    y = top + (np.arange(rows, dtype=np.float32)[:, None] + 0.5) * ((h - top) / rows)
    line = np.interp(np.linspace(0, w - 1, GRID), np.arange(w), edge)[None].astype(np.float32)
    depth = (y - line) / np.float32(max(h - top, 1))  # 0 at the edge, about 1 at the bottom
    below = np.clip(depth, 0, 1.5)
    relief = _relief(rng, x, below)
    gloss = _gloss(rng)
    share = np.clip(gloss[0] + gloss[1] * np.exp(-below * gloss[2]) + 0.25 * relief, 0, 0.95)[..., None]
    paint = _paint(rng) * np.float32(light)
    shade = 1 + rng.uniform(-0.5, 0.35) * below + rng.uniform(0.1, 0.6) * relief
    body = paint * shade[..., None] * (1 - share * 0.6)
    seen = _mirrored(rng, scene, x, below, relief)
    body += seen * share
    return np.clip(body + _highlights(rng, body.shape[:2], light), 0, 255).astype(np.uint8)


def _gloss(rng: np.random.Generator) -> tuple[float, float, float]:
    """Mirrored share far below the edge, what the grazing view at the edge adds, how fast that fades."""
    if rng.random() < 0.2:  # dull paint, dust
        return float(rng.uniform(0, 0.08)), float(rng.uniform(0, 0.25)), 4.0
    return float(rng.uniform(0.05, 0.6)), float(rng.uniform(0.1, 0.75)), float(rng.uniform(0.8, 6))


def _relief(rng: np.random.Generator, x: np.ndarray, below: np.ndarray) -> np.ndarray:
    """(k, GRID) slope of the sheet across: ribs and creases that spread towards the viewer."""
    u = (x - rng.normal(0, 0.2)) / (1 + rng.uniform(0, 0.9) * below)
    slope = np.float32(rng.uniform(0, 0.5)) * u
    for _ in range(int(rng.integers(0, 4))):
        at, wide = rng.uniform(0.05, 0.9), rng.uniform(0.015, 0.15)
        bump = (np.abs(u) - at) / wide
        slope = slope + rng.uniform(-0.7, 0.7) * np.sign(u) * bump * np.exp(-(bump**2))
    return np.asarray(slope, np.float32)


def _mirrored(
    rng: np.random.Generator, scene: np.ndarray, x: np.ndarray, below: np.ndarray, relief: np.ndarray
) -> np.ndarray:
    """(k, GRID, 3) float32: `scene` upside down, squeezed, bent by the relief, blurred.

    The far edge mirrors what stands at the horizon, the near part the sky; a flat bonnet also the road.
    """
    height, width = scene.shape[:2]
    horizon = height * rng.uniform(0.35, 0.55)
    start = horizon + height * (rng.uniform(0.0, 0.45) if rng.random() < 0.5 else 0.0)
    reach = height * rng.uniform(0.25, 0.9)
    map_y = start - below * reach + relief * height * rng.uniform(-0.15, 0.15)
    squeeze = rng.uniform(0.4, 1.1) * (1 - rng.uniform(0, 0.4) * below)
    wave = rng.uniform(0, 0.05) * np.sin(below * rng.uniform(6, 40) + x * rng.uniform(-6, 6))
    map_x = width * (0.5 + 0.5 * x * squeeze + relief * rng.uniform(-0.3, 0.3) + wave)
    maps = (np.asarray(map_x, np.float32), np.asarray(np.broadcast_to(map_y, map_x.shape), np.float32))
    seen = cv2.remap(scene, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    size = (1 + 2 * int(rng.integers(0, 5)), 1 + 2 * int(rng.integers(0, 5)))
    return np.asarray(cv2.blur(seen, size), np.float32)


def _highlights(rng: np.random.Generator, shape: tuple[int, int], light: float) -> np.ndarray:
    """(k, GRID, 1) float32 grey levels added: lamps and sun on the sheet."""
    spots = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(0, 4))):
        at = (int(rng.uniform(0, shape[1])), int(rng.uniform(0, shape[0])))
        axes = (int(rng.uniform(2, 40)), int(rng.uniform(1, max(2.0, shape[0] * 0.25))))
        cv2.ellipse(spots, at, axes, rng.uniform(-25, 25), 0, 360, rng.uniform(20, 130) * light, -1)
    return np.asarray(cv2.blur(spots, (int(rng.integers(1, 6)) * 2 + 1, 3)))[..., None]


def _seams(patch: np.ndarray, rng: np.random.Generator, edge: np.ndarray, light: float) -> None:
    """Dark gaps between sheets, along the edge and towards the viewer, and the bright rim of the edge."""
    h, w = patch.shape[:2]
    x = np.arange(0, w, max(1, w // 64))
    thin = max(1, round(w * rng.uniform(0.0008, 0.003)))
    if rng.random() < 0.4:
        _curve(patch, x, edge[x] + thin, rng.uniform(0.5, 1.0) * 255 * light * np.ones(3), thin)
    for _ in range(int(rng.integers(0, 3))):
        away = rng.uniform(0.1, 0.9) * h
        _curve(patch, x, edge[x] * rng.uniform(0.6, 1.0) + away, np.full(3, 12.0 * light), thin)
    if rng.random() < 0.35:
        middle, spread, tone = (
            rng.uniform(0.2, 0.8) * w,
            rng.uniform(0.05, 0.4) * w,
            rng.uniform(5, 60) * light,
        )
        for side in (-1, 1):
            ends = (int(middle + side * spread), 0), (int(middle + side * spread * rng.uniform(1, 2.5)), h)
            cv2.line(patch, *ends, (tone,) * 3, thin, cv2.LINE_AA)


def _curve(patch: np.ndarray, x: np.ndarray, y: np.ndarray, colour: np.ndarray, thick: int) -> None:
    points = np.round(np.stack([x, y], -1) * 8).astype(np.int32)
    cv2.polylines(patch, [points], False, np.clip(colour, 0, 255).tolist(), thick, cv2.LINE_AA, 3)
