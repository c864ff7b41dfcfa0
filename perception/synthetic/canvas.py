"""Things that stand on the road, painted from far to near: polygons, capsules and textured planes.

Every paint call also claims its pixels in `ids`, so that at the end the visible part of everything
is known exactly.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from perception.camera import CameraModel
from perception.synthetic.bloom import Shine
from perception.synthetic.compiled import compiled
from perception.synthetic.light import Light

NEAR = 0.25  # metres in front of the camera; nearer parts are cut off
GROUND, SCENERY = 0, 1  # ids; things with truth count on from FIRST, scenery with a span down from -1
FIRST = 2
GLOW = np.iinfo(np.int16).min  # id of lit windows, which shine by themselves
_ARC = np.linspace(-np.pi / 2, np.pi / 2, 7)
_SHIFT = 16.0  # cv2 takes polygon corners in 1/16 pixel


class Canvas:
    def __init__(self, image: np.ndarray, camera: CameraModel, light: Light, heading: float) -> None:
        self.image = image  # (H, W, 3) uint8
        self.ids = np.zeros(image.shape[:2], np.int16)
        self.light = light
        self.sun = light.sun(heading)
        self.eye = np.array([0.0, 0.0, camera.height])
        self.rotation = camera.camera_from_vehicle
        self.matrix = camera.matrix
        self.focal = camera.fx
        self.scenery = SCENERY  # id that scenery painted from now on gets
        self.spans: list[tuple[float, float, float]] = []  # of scenery: nearest, farthest, metres to the left
        self.shines: list[Shine] = []
        self.unlit = True  # what is painted from now on has its lamps off
        self.lamp = np.zeros(3)  # linear colour of street lamps; 0: off
        self.lit = 0.0  # share of lit windows

    def span(self, near: float, far: float, left: float) -> None:
        """The scenery painted from now on lies that far away (metres)."""
        self.spans.append((near, far, left))
        self.scenery = -len(self.spans)

    def shine(self, point: np.ndarray, radius: float, colour: np.ndarray, ident: int) -> None:
        """A lamp at vehicle point (3,), `radius` metres, of a linear BGR colour times its power."""
        camera = self.depth(np.array([point, point * (1, 1, -1)]))
        if camera[:, 2].min() > 1.0 and not self.unlit:
            at, foot = self.pixels(camera)
            ident = self.scenery if ident == SCENERY else ident
            self.shines.append(Shine(at, foot, radius * self.focal / float(camera[0, 2]), colour, ident))

    def depth(self, points: np.ndarray) -> np.ndarray:
        """Vehicle points (..., 3) to camera coordinates (..., 3), z along the optical axis."""
        return (points - self.eye) @ self.rotation.T

    def pixels(self, camera: np.ndarray) -> np.ndarray:
        """Camera coordinates (..., 3), z > 0, to image points (..., 2)."""
        image = camera @ self.matrix.T
        return image[..., :2] / image[..., 2:]

    def hazed(self, colours: np.ndarray, distance: float) -> np.ndarray:
        fog = float(self.light.fog(distance))
        return np.clip(colours + fog * (self.light.horizon - colours), 0, 255)

    def fixed(self, pixels: np.ndarray) -> np.ndarray:
        """Image points as cv2 takes them: int32 in 1/16 pixel, centres of pixels at whole numbers."""
        scaled = pixels * _SHIFT
        scaled -= _SHIFT / 2
        return np.minimum(np.maximum(scaled, -60000), 60000).astype(np.int32)

    def polygon(self, corners: np.ndarray, colour: tuple[float, ...], ident: int | None = None) -> None:
        """A convex polygon (k, 2) of `fixed` points, smooth edges; with `ident` it also claims its pixels."""
        cv2.fillConvexPoly(self.image, corners, colour, cv2.LINE_AA, 4)
        if ident is not None:
            claim = self.scenery if ident == SCENERY else ident
            cv2.fillConvexPoly(self.ids, corners, claim, cv2.LINE_8, 4)

    def face(self, corners: np.ndarray, colour: np.ndarray, ident: int | None = SCENERY) -> None:
        """A convex polygon (k, 3) in vehicle coordinates, cut at NEAR; colour as it should appear."""
        camera = cut(self.depth(corners))
        if len(camera) >= 3:
            self.polygon(self.fixed(self.pixels(camera)), colour.tolist(), ident)

    def capsules(
        self, ends: np.ndarray, radii: np.ndarray, colours: np.ndarray, ident: int
    ) -> np.ndarray | None:
        """Thick rods with round ends: ends (n, 2, 3), radii (n, 2), lit colours (n, 3); far ones first.

        Returns their outline points (m, 2) in pixels, or None if any is too near to be painted.
        """
        camera = self.depth(ends)
        if camera[..., 2].min() < NEAR:
            return None
        centres = self.pixels(camera)
        outlines = _outlines(centres, radii * self.focal / camera[..., 2])
        order = np.argsort(-camera[..., 2].mean(1), kind="stable")
        corners, shown = self.fixed(outlines), colours.tolist()
        for k in order:
            self.polygon(corners[k], shown[k], ident)
        return outlines.reshape(-1, 2)

    def ring(self, points: np.ndarray, colour: np.ndarray, width: float, ident: int) -> None:
        """A closed curve (k, 3) drawn `width` metres thick."""
        camera = self.depth(points)
        if camera[:, 2].min() < NEAR:
            return
        thick = max(1, round(width * self.focal / float(camera[:, 2].mean())))
        corners = [self.fixed(self.pixels(camera))]
        cv2.polylines(self.image, corners, True, colour.tolist(), thick, cv2.LINE_AA, 4)
        cv2.polylines(self.ids, corners, True, ident, thick, cv2.LINE_8, 4)

    def plane(
        self,
        corner: np.ndarray,
        along: np.ndarray,
        down: np.ndarray,
        levels: tuple[np.ndarray, ...],
        gain: np.ndarray,
        ident: int = SCENERY,
    ) -> np.ndarray | None:
        """A textured rectangle: top-left `corner`, edges `along` and `down` (3,), vehicle metres.

        Returns the visible outline (k, 2) in pixels, None when nothing lies in front of the camera.
        """
        outline = self.outline(corner, along, down)
        if outline is None:
            return None
        window = self._window(outline)
        if window[2] <= window[0] or window[3] <= window[1]:
            return outline
        texture = levels[_level(outline, levels)]
        matrix = self.matrix @ self.rotation @ np.column_stack([along, down, corner - self.eye])
        determinant = np.linalg.det(matrix)
        if abs(determinant) < 1e-9:
            return outline
        fog = float(self.light.fog(float(np.linalg.norm(corner + along / 2 - self.eye))))
        ident = self.scenery if ident == SCENERY else ident
        warp(
            self.image, self.ids, texture, np.linalg.inv(matrix), window, gain, self.light.horizon, fog, ident
        )
        return outline

    def outline(self, corner: np.ndarray, along: np.ndarray, down: np.ndarray) -> np.ndarray | None:
        """A rectangle as in `plane`, as image points (k, 2); None if it is behind the camera."""
        square = corner + np.array([[0], [1], [1], [0]]) * along + np.array([[0], [0], [1], [1]]) * down
        camera = cut(self.depth(square))
        return self.pixels(camera) if len(camera) >= 3 else None

    def _window(self, outline: np.ndarray) -> tuple[int, int, int, int]:
        """The whole pixels (x1, y1, x2, y2) inside the image that an outline (k, 2) touches."""
        h, w = self.image.shape[:2]
        (x1, y1), (x2, y2) = outline.min(0).tolist(), outline.max(0).tolist()
        x1, y1 = max(math.floor(min(x1, w)), 0), max(math.floor(min(y1, h)), 0)
        return x1, y1, math.ceil(max(min(x2, w), 0)), math.ceil(max(min(y2, h), 0))


def cut(camera: np.ndarray) -> np.ndarray:
    """The part (k, 3) of a convex polygon in camera coordinates that lies beyond NEAR."""
    inside = camera[:, 2] > NEAR
    if inside.all():
        return camera
    kept = []
    for i in range(len(camera)):
        a, b = camera[i], camera[(i + 1) % len(camera)]
        if inside[i]:
            kept.append(a)
        if inside[i] != inside[(i + 1) % len(camera)]:
            kept.append(a + (b - a) * (NEAR - a[2]) / (b[2] - a[2]))
    return np.array(kept).reshape(-1, 3)


def _level(outline: np.ndarray, levels: tuple[np.ndarray, ...]) -> int:
    """The pyramid level with about one texel a pixel."""
    spread = outline.max(0) - outline.min(0) + 1e-3
    texels = max(levels[0].shape[0] / spread[1], 0.5 * levels[0].shape[1] / spread[0])
    return min(max(round(math.log2(max(texels, 1e-3))), 0), len(levels) - 1)


def _outlines(centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """(n, 2, 2) centres and (n, 2) radii in pixels to (n, 14, 2) outlines."""
    along = centres[:, 1] - centres[:, 0]
    angle = np.arctan2(along[:, 1], along[:, 0])[:, None]
    far, near = angle + _ARC, angle + np.pi + _ARC
    ends = [
        centres[:, k, None] + radii[:, k, None, None] * np.stack([np.cos(turn), np.sin(turn)], -1)
        for k, turn in ((1, far), (0, near))
    ]
    return np.concatenate(ends, 1)


@compiled
def warp(
    image: np.ndarray,
    ids: np.ndarray,
    texture: np.ndarray,
    inverse: np.ndarray,
    window: tuple[int, int, int, int],
    gain: np.ndarray,
    haze: np.ndarray,
    fog: float,
    ident: int,
) -> None:
    """Blend a premultiplied BGRA texture over the pixels of `window` (x1, y1, x2, y2).

    inverse: (3, 3) image point to texture coordinates 0..1, homogeneous.
    """
    h, w = texture.shape[0], texture.shape[1]
    for i in range(window[1], window[3]):
        for j in range(window[0], window[2]):
            x, y = j + 0.5, i + 0.5
            depth = inverse[2, 0] * x + inverse[2, 1] * y + inverse[2, 2]
            if depth <= 0.0:
                continue
            u = (inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]) / depth
            v = (inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]) / depth
            if u < 0.0 or v < 0.0 or u >= 1.0 or v >= 1.0:
                continue
            u, v = max(u * w - 0.5, 0.0), max(v * h - 0.5, 0.0)
            m, n = int(u), int(v)
            a, b = u - m, v - n
            m2, n2 = min(m + 1, w - 1), min(n + 1, h - 1)
            p, q, r, s = (1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b
            alpha = (
                p * texture[n, m, 3] + q * texture[n, m2, 3] + r * texture[n2, m, 3] + s * texture[n2, m2, 3]
            )
            alpha /= 255.0
            if alpha < 0.01:
                continue
            for c in range(3):
                value = (
                    p * texture[n, m, c]
                    + q * texture[n, m2, c]
                    + r * texture[n2, m, c]
                    + s * texture[n2, m2, c]
                )
                value = value * gain[c] * (1 - fog) + haze[c] * fog * alpha
                image[i, j, c] = int(min(image[i, j, c] * (1 - alpha) + value, 255.0))
            if alpha > 0.5 and ident != 0:
                ids[i, j] = ident
