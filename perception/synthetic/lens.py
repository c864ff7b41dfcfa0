"""From the light at the lens to the file: vignette, colour cast, exposure, blur, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from perception.types import Size


@dataclass(frozen=True, eq=False)
class Lens:
    tones: np.ndarray  # (3, 256) uint8 tone curves of B, G, R
    vignette: np.ndarray  # (H, W, 1) float32 factor
    blur: float  # sigma in pixels, 0 = none
    noise: float  # deviation, grey levels
    quality: int  # of the JPEG

    @classmethod
    def random(cls, rng: np.random.Generator, size: Size) -> Lens:
        gains = rng.uniform(0.85, 1.2) * (1 + rng.normal(0, 0.022, 3))
        gamma, lift = rng.uniform(0.85, 1.2), rng.uniform(0, 14)
        ramp = np.linspace(0, 1, 256) ** gamma * (255 - lift) + lift
        curve = ramp * gains[:, None]
        soft = np.where(curve > 215, 255 - 40 * np.exp(-(curve - 215) / 40), curve)
        w, h = size
        y, x = np.mgrid[0:h, 0:w]
        r2 = ((x - w / 2) ** 2 + (y - h / 2) ** 2) / (w * w / 4)
        vignette = 1 - rng.uniform(0, 0.3) * r2
        noise = rng.uniform(0.8, 2.5) if rng.random() < 0.8 else rng.uniform(3, 8)
        return cls(
            np.clip(soft, 0, 255).astype(np.uint8),
            np.clip(vignette, 0.4, 1)[..., None].astype(np.float32),
            float(rng.uniform(0.35, 0.9)) * w / 1000,
            float(noise),
            int(rng.integers(60, 96)),
        )

    def expose(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(H, W, 3) uint8 to the picture a camera would give."""
        if self.blur > 0.25:
            image = cv2.GaussianBlur(image, (0, 0), self.blur)
        image = cv2.merge([cv2.LUT(image[..., c], self.tones[c]) for c in range(3)])
        grain = rng.normal(0, self.noise, (128, 128, 3)).astype(np.float32)
        h, w = image.shape[:2]
        shift = rng.integers(0, 128, 2)
        sheet = np.roll(np.tile(grain, (h // 128 + 1, w // 128 + 1, 1))[:h, :w], shift, (0, 1))
        noisy = np.clip(image * self.vignette + sheet, 0, 255).astype(np.uint8)
        _, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
        return cv2.imdecode(data, cv2.IMREAD_COLOR)
