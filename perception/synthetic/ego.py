"""The own vehicle in the picture: bonnets, dashboards, wipers, pillars, mirrors and phone holders.

A cover can be laid over any picture, rendered or photographed: what shines in it mirrors that picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from perception.synthetic.bonnet import bonnet
from perception.synthetic.cabin import dashboard, holder, mirror, pillar, wipers
from perception.types import Size

SMALL = 160  # pixels: the width at which surroundings are mirrored


@dataclass(frozen=True, eq=False)
class EgoCover:
    image: np.ndarray  # (h, w, 3) uint8 BGR
    alpha: np.ndarray  # (h, w) uint8, 255 = nothing of the picture shows through

    @property
    def covered(self) -> np.ndarray:
        """(h, w) bool: where the own vehicle hides the road."""
        return self.alpha > 127


def ego(size: Size, rng: np.random.Generator, around: np.ndarray | None = None) -> EgoCover:
    """The own vehicle as a camera of `size` (w, h) sees it.

    around: (h, w, 3) uint8, the picture that its paint mirrors and by whose light it is lit; without one,
    a plain road by day. Shapes follow from `rng` alone.
    """
    w, h = size
    scene = _scenery(rng) if around is None else _small(around)
    light = float(np.clip((scene[: len(scene) // 2].mean() + 12) / 150, 0.06, 1.15))
    cover = EgoCover(np.zeros((h, w, 3), np.uint8), np.zeros((h, w), np.uint8))
    kind = rng.choice(("bonnet", "dashboard", "both", "extras"), p=(0.58, 0.2, 0.16, 0.06))
    if kind in ("bonnet", "both"):
        bonnet(cover.image, cover.alpha, rng, scene, light)
    if kind in ("dashboard", "both"):
        dashboard(cover.image, cover.alpha, rng, light, 0.5 if kind == "both" else 1.0)
    if rng.random() < 0.3:
        wipers(cover.image, cover.alpha, rng, light)
    extras = {pillar: 0.14, mirror: 0.1, holder: 0.12}
    for part, share in extras.items():
        if rng.random() < (0.6 if kind == "extras" else share):
            part(cover.image, cover.alpha, rng, light)
    return cover


def lay(image: np.ndarray, cover: EgoCover) -> tuple[np.ndarray, np.ndarray]:
    """`image` (h, w, 3) uint8 seen past `cover`, and (h, w) bool where it is covered."""
    rows = np.flatnonzero(cover.alpha.any(1))
    out = image.copy()
    if len(rows):
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        share = cover.alpha[part].astype(np.float32) * np.float32(1 / 255)
        out[part] = cv2.blendLinear(cover.image[part], image[part], share, 1 - share)
    return out, cover.covered


def _small(around: np.ndarray) -> np.ndarray:
    """(h, SMALL, 3) uint8 of about the same shape."""
    height = max(40, round(SMALL * around.shape[0] / around.shape[1]))
    return np.asarray(cv2.resize(around, (SMALL, min(height, 320)), interpolation=cv2.INTER_AREA))


def _scenery(rng: np.random.Generator) -> np.ndarray:
    """(90, SMALL, 3) uint8: sky, trees or houses, and a road with lines."""
    ramp = np.linspace(0, 1, 90)[:, None, None]
    sky = np.array([225, 190, 150]) * rng.uniform(0.6, 1.1) + 60 * ramp
    scene = np.clip(np.broadcast_to(sky, (90, SMALL, 3)), 0, 255).astype(np.uint8)
    for _ in range(14):
        x, y = rng.uniform(0, SMALL), rng.uniform(32, 46)
        tone = np.array([40, 70, 60]) * rng.uniform(0.4, 1.6)
        cv2.ellipse(
            scene,
            (int(x), int(y)),
            (int(rng.uniform(4, 20)), int(rng.uniform(4, 18))),
            0,
            0,
            360,
            tone.tolist(),
            -1,
        )
    scene[46:] = int(rng.uniform(60, 130))
    for x in (20, 75, 130):
        cv2.line(scene, (80, 46), (x, 89), (215, 220, 220), 2, cv2.LINE_AA)
    return scene
