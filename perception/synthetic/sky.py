"""What is above the horizon: air, clouds, sun, hills and the far tree line."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from perception.camera import CameraModel
from perception.synthetic.compiled import compiled
from perception.synthetic.ground import bilinear
from perception.synthetic.light import Light
from perception.synthetic.textures import fractal

RIDGES = 2048  # samples of a ridge around the whole horizon


@compiled
def shade_sky(
    image: np.ndarray,
    rays: np.ndarray,
    heading: float,
    ramp: np.ndarray,
    noise: np.ndarray,
    clouds: float,
    cloud_colour: np.ndarray,
    sun: np.ndarray,
    glow: float,
    ridges: np.ndarray,
    ridge_colours: np.ndarray,
) -> None:
    """image: (H, W, 3) uint8. rays: (H, W, 2) float32 azimuth and elevation in the vehicle frame, radians.

    ramp: (256, 3) sky colour, elevation 0 to 90 degrees. ridges: (n, RIDGES) elevation by azimuth, far first.
    """
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            up = rays[i, j, 1]
            if up < -0.006:
                continue
            azimuth = rays[i, j, 0] + heading
            level = min(int(max(up, 0.0) * 162.3), 255)
            b, g, r = ramp[level, 0], ramp[level, 1], ramp[level, 2]
            if clouds > 0.0:
                reach = 90.0 / (math.sin(max(up, 0.0)) + 0.12)
                value = bilinear(noise, reach * math.cos(azimuth), reach * math.sin(azimuth))
                thick = min(max((value + 3.0 * clouds - 1.6) * 0.7, 0.0), 1.0)
                light = 1.0 + 0.07 * bilinear(
                    noise, reach * math.cos(azimuth) * 2.0 + 60.0, reach * math.sin(azimuth) * 2.0
                )
                b += thick * (cloud_colour[0] * light - b)
                g += thick * (cloud_colour[1] * light - g)
                r += thick * (cloud_colour[2] * light - r)
            if glow > 0.0:
                c = math.sin(up) * math.sin(sun[1]) + math.cos(up) * math.cos(sun[1]) * math.cos(
                    azimuth - sun[0]
                )
                halo = glow * (
                    180.0 * max(c, 0.0) ** 900 + 60.0 * max(c, 0.0) ** 60 + 25.0 * max(c, 0.0) ** 8
                )
                b, g, r = b + halo * 0.85, g + halo, r + halo
            at = int((azimuth / (2 * math.pi)) * RIDGES) & (RIDGES - 1)
            for k in range(ridges.shape[0]):
                if up < ridges[k, at]:
                    value = 1.0 + 0.05 * bilinear(noise, azimuth * 700.0, up * 2000.0)
                    b, g, r = (
                        ridge_colours[k, 0] * value,
                        ridge_colours[k, 1] * value,
                        ridge_colours[k, 2] * value,
                    )
            image[i, j, 0] = int(min(max(b, 0.0), 255.0))
            image[i, j, 1] = int(min(max(g, 0.0), 255.0))
            image[i, j, 2] = int(min(max(r, 0.0), 255.0))


@dataclass(frozen=True, eq=False)
class Sky:
    light: Light
    ramp: np.ndarray  # (256, 3) float32
    ridges: np.ndarray  # (n, RIDGES) float32 radians
    colours: np.ndarray  # (n, 3) float32
    noise: np.ndarray
    rays: np.ndarray  # (H, W, 2) float32

    @classmethod
    def random(cls, rng: np.random.Generator, light: Light, camera: CameraModel) -> Sky:
        blend = np.sin(np.linspace(0, np.pi / 2, 256))[:, None] ** 0.55
        ramp = light.horizon * (1 - blend) + light.zenith * blend
        heights = [(0.02, 0.035, 1.9), (0.006, 0.02, 1.6), (0.002, 0.012, 0.9)]
        ridges = [_ridge(rng, *h) for h in heights]
        green = np.array([52, 78, 66]) * rng.uniform(0.6, 1.15) * (light.ambient + 0.5 * light.direct)
        fog = np.array([0.72, 0.45, 0.2]) + 60 * light.haze
        colours = [green + min(f, 0.97) * (light.horizon - green) for f in fog]
        noise = fractal(int(rng.integers(4)), 1.75)
        flat = [np.asarray(a, np.float32) for a in (ramp, ridges, colours)]
        return cls(light, flat[0], flat[1], flat[2], noise, sky_rays(camera))

    def paint(self, image: np.ndarray, heading: float) -> None:
        light = self.light
        sun = np.array([light.azimuth, light.elevation])
        glow = {"sun": 1.0 - 0.5 * light.clouds, "overcast": 0.0, "dusk": 0.25}[light.weather]
        cloud = light.horizon * (1.04 if light.weather == "sun" else 0.9)
        shade_sky(
            image, self.rays, heading, self.ramp, self.noise, light.clouds, cloud, sun, glow, self.ridges,
            self.colours,
        )  # fmt: skip


def _ridge(rng: np.random.Generator, low: float, spread: float, slope: float) -> np.ndarray:
    """A seamless random outline: elevation in radians, never below 0."""
    f = np.fft.rfftfreq(RIDGES, 1 / RIDGES)
    f[0] = 1
    spectrum = (rng.normal(size=f.size) + 1j * rng.normal(size=f.size)) / f**slope
    spectrum[0] = 0
    line = np.fft.irfft(spectrum, RIDGES)
    return np.clip(low + spread * rng.uniform(0.3, 1.2) * line / np.abs(line).max(), 0, None)


def sky_rays(camera: CameraModel) -> np.ndarray:
    """(H, W, 2) float32 azimuth (left) and elevation of each pixel's ray in the vehicle frame."""
    w, h = camera.size
    pixels = np.stack(np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5), -1)
    xy = (pixels - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    rays = np.concatenate([xy, np.ones_like(xy[..., :1])], -1) @ camera.camera_from_vehicle
    azimuth = np.arctan2(rays[..., 1], rays[..., 0])
    return np.stack([azimuth, np.arctan2(rays[..., 2], np.hypot(rays[..., 0], rays[..., 1]))], -1).astype(
        np.float32
    )
