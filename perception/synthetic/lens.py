"""From the light at the windscreen to the file: veil, vignette, exposure, blur, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from perception.synthetic.compiled import compiled
from perception.synthetic.textures import fractal
from perception.types import Size


@compiled
def develop(
    image: np.ndarray,  # (H, W, 3) uint8
    tones: np.ndarray,  # (3, 256) float32
    vignette: np.ndarray,  # (H, W) float32 factor
    veil: np.ndarray,  # (H, W) float32 grey levels added
    noise: np.ndarray,  # (n, n) float32 with n a power of two
    shift: np.ndarray,  # (3, 2) where each channel starts in `noise`
    strength: float,
) -> np.ndarray:
    """(H, W, 3) uint8: what the sensor makes of the light."""
    out = np.empty_like(image)
    mask = noise.shape[0] - 1
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            for c in range(3):
                value = tones[c, image[i, j, c]] * vignette[i, j] + veil[i, j]
                value += strength * noise[(i + shift[c, 0]) & mask, (j + shift[c, 1]) & mask]
                out[i, j, c] = int(min(max(value, 0.0), 255.0))
    return out


@dataclass(frozen=True, eq=False)
class Lens:
    tones: np.ndarray  # (3, 256) float32 tone curves of B, G, R
    vignette: np.ndarray  # (H, W) float32 factor
    veil: np.ndarray  # (H, W) float32 grey levels: light scattered by the windscreen
    blur: float  # sigma in pixels, 0 = none
    noise: float  # deviation, grey levels
    quality: int  # of the JPEG

    @classmethod
    def random(cls, rng: np.random.Generator, size: Size, dark: bool = False) -> Lens:
        """`dark`: the sensor is short of light, and grainy."""
        w, h = size
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        r2 = ((x - w / 2) ** 2 + (y - h / 2) ** 2) / (w * w / 4)
        dirt = cv2.resize(fractal(int(rng.integers(4)), 1.6)[:256, :256], (w, h))
        veil = np.clip(rng.uniform(0, 14) * (y / h) + rng.uniform(0, 4) * dirt, 0, None)
        return cls(
            _tones(rng),
            np.clip(1 - rng.uniform(0, 0.3) * r2, 0.4, 1).astype(np.float32),
            veil.astype(np.float32) if rng.random() < 0.4 else np.zeros((h, w), np.float32),
            float(rng.uniform(0.35, 0.9)) * w / 1000,
            float(rng.uniform(0.8, 2.5) if rng.random() < 0.8 else rng.uniform(3, 8))
            * (2.2 if dark else 1.0),
            int(rng.integers(60, 96)),
        )

    def expose(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(H, W, 3) uint8 to the picture a camera would give."""
        if self.blur > 0.25:
            image = cv2.GaussianBlur(image, (0, 0), self.blur)
        shift = rng.integers(0, 512, (3, 2))
        noisy = develop(image, self.tones, self.vignette, self.veil, fractal(9, 0.15), shift, self.noise)
        _, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))


def _tones(rng: np.random.Generator) -> np.ndarray:
    """Exposure, gamma, black level and colour cast, with a soft shoulder."""
    gains = rng.uniform(0.85, 1.3) * (1 + rng.normal(0, 0.022, 3))
    gamma, lift = rng.uniform(0.85, 1.25), rng.uniform(0, 14)
    curve = (np.linspace(0, 1, 256) ** gamma * (255 - lift) + lift) * gains[:, None]
    return np.where(curve > 215, 255 - 40 * np.exp(-(curve - 215) / 40), curve).astype(np.float32)
