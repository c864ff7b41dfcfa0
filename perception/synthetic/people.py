"""People, cyclists and motorcyclists as jointed rods. Own frame: x forward, y left, z up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perception.synthetic.canvas import Canvas

CLOTHES = np.array(
    [
        (30, 30, 32), (48, 44, 42), (80, 60, 44), (110, 80, 60), (60, 60, 62), (120, 118, 116),
        (190, 190, 192), (40, 40, 120), (50, 60, 170), (60, 100, 70), (140, 110, 60), (60, 130, 170),
        (200, 205, 210), (40, 190, 220),
    ],
    np.float64,
)  # fmt: skip
SKINS = np.array([(150, 178, 215), (120, 150, 195), (84, 110, 150), (50, 66, 96)], np.float64)
HAIR = np.array([(24, 26, 30), (34, 44, 62), (70, 104, 134), (110, 112, 114), (20, 20, 20)], np.float64)


@dataclass(frozen=True, eq=False)
class Figure:
    """Rods (n, 2, 3), radii (n, 2), colours (n, 3); wheels (k, 4): x, y, radius, thickness."""

    rods: np.ndarray
    radii: np.ndarray
    colours: np.ndarray
    wheels: np.ndarray

    def paint(self, canvas: Canvas, at: np.ndarray, yaw: float, ident: int) -> np.ndarray | None:
        """Returns the outline points (k, 2) in pixels; None if it stands too near."""
        cos, sin = np.cos(yaw), np.sin(yaw)
        turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        rods = self.rods @ turn.T + (*at, 0.0)
        if canvas.depth(rods)[..., 2].min() < 0.8:
            return None
        distance = float(np.linalg.norm(at))
        light = canvas.light.ambient * 0.9 + canvas.light.direct * 0.45
        colours = canvas.hazed(np.clip(self.colours * light, 0, 255), distance)
        outlines = [self._wheel(canvas, wheel, turn, at, distance, ident) for wheel in self.wheels]
        found = canvas.capsules(rods, self.radii, colours, ident)
        if canvas.focal / distance > 40:
            self._highlights(canvas, rods, colours, ident)
        return np.concatenate([*outlines, found]) if found is not None else None

    def shine(self, canvas: Canvas, at: np.ndarray, yaw: float, ident: int, power: float) -> None:
        """The lamp of a two-wheeler that is seen: white from before, red from behind."""
        ahead = np.array([np.cos(yaw), np.sin(yaw)])
        facing = -float(ahead @ at) / max(float(np.linalg.norm(at)), 1e-6)
        colour = np.array([0.9, 0.96, 1]) * 45 * facing**8 if facing > 0 else np.array([0.1, 0.06, 2.2])
        height = 0.85 if facing > 0 else 0.75
        canvas.shine(np.array([*(at + ahead * np.sign(facing) * 0.7), height]), 0.06, power * colour, ident)

    def _highlights(self, canvas: Canvas, rods: np.ndarray, colours: np.ndarray, ident: int) -> None:
        """A thinner, brighter rod on the lit side of each gives roundness."""
        side = canvas.sun if canvas.light.weather == "sun" else np.array([0.0, 0.3, 1.0])
        shift = self.radii[..., None] * 0.4 * side * np.array([1.0, 1.0, 0.3])
        canvas.capsules(rods + shift, self.radii * 0.55, np.clip(colours * 1.14 + 4, 0, 255), ident)

    def _wheel(
        self, canvas: Canvas, wheel: np.ndarray, turn: np.ndarray, at: np.ndarray, distance: float, ident: int
    ) -> np.ndarray:
        x, y, radius, thick = wheel
        angle = np.linspace(0, 2 * np.pi, 17)[:-1]
        wide = np.stack([np.cos(angle), np.zeros(16), np.sin(angle)], -1)
        hub = np.array([x, y, radius])
        circle, rim = ((hub + r * wide) @ turn.T + (*at, 0.0) for r in (radius - thick / 2, radius))
        canvas.ring(circle, canvas.hazed(np.full(3, 24.0), distance), thick, ident)
        return canvas.pixels(canvas.depth(rim))


class _Builder:
    def __init__(self) -> None:
        self.rods: list[tuple[np.ndarray, np.ndarray]] = []
        self.radii: list[tuple[float, float]] = []
        self.colours: list[np.ndarray] = []
        self.wheels: list[tuple[float, float, float, float]] = []

    def rod(
        self, a: tuple[float, ...], b: tuple[float, ...], radii: tuple[float, float], colour: np.ndarray
    ) -> None:
        self.rods.append((np.array(a, float), np.array(b, float)))
        self.radii.append(radii)
        self.colours.append(colour)

    def done(self, scale: float = 1.0) -> Figure:
        wheels = np.array(self.wheels, float).reshape(-1, 4)
        return Figure(
            np.array(self.rods) * scale, np.array(self.radii) * scale, np.array(self.colours), wheels * scale
        )


@dataclass(frozen=True, eq=False)
class Outfit:
    height: float
    top: np.ndarray
    legs: np.ndarray
    skin: np.ndarray
    hair: np.ndarray
    bag: np.ndarray | None
    coat: bool

    @classmethod
    def random(cls, rng: np.random.Generator) -> Outfit:
        height = rng.uniform(1.5, 1.9) if rng.random() < 0.88 else rng.uniform(1.0, 1.45)

        def pick(table: np.ndarray) -> np.ndarray:
            return np.asarray(table[rng.integers(len(table))] * rng.uniform(0.85, 1.15))

        top, legs, skin, hair = pick(CLOTHES), pick(CLOTHES[:8]), pick(SKINS), pick(HAIR)
        return cls(
            float(height),
            top,
            legs,
            skin,
            hair,
            pick(CLOTHES) if rng.random() < 0.35 else None,
            rng.random() < 0.3,
        )


def walker(outfit: Outfit, phase: float, stride: float = 1.0) -> Figure:
    """A person mid-step; `phase` in radians, stride 0 = standing."""
    b, o = _Builder(), outfit
    swing = stride * np.sin(phase)
    for side, lift in ((-1, swing), (1, -swing)):
        hip, knee = (0, side * 0.045, 0.5), (0.10 * lift + 0.03, side * 0.05, 0.27)
        foot = (0.19 * lift - 0.04 * (lift < 0), side * 0.05, 0.03 + 0.04 * max(-lift, 0))
        b.rod(hip, knee, (0.05, 0.037), o.legs)
        b.rod(knee, foot, (0.036, 0.024), o.legs * 0.95)
        b.rod(foot, (foot[0] + 0.07, foot[1], 0.018), (0.022, 0.018), np.full(3, 28.0))
        elbow, hand = (-0.07 * lift, side * 0.135, 0.64), (-0.13 * lift + 0.05, side * 0.135, 0.5)
        b.rod((0, side * 0.115, 0.8), elbow, (0.032, 0.027), o.top * 0.88)
        b.rod(elbow, hand, (0.026, 0.02), o.top * 0.88)
        b.rod(hand, (hand[0] + 0.01, hand[1], hand[2] - 0.03), (0.018, 0.016), o.skin)
        b.rod((0, side * 0.05, 0.53), (0, side * 0.065, 0.79), (0.065, 0.055), o.top)
    if o.coat:
        b.rod((0, 0, 0.36), (0, 0, 0.7), (0.105, 0.1), o.top * 0.95)
    if o.bag is not None:
        b.rod((-0.09, 0, 0.62), (-0.09, 0, 0.76), (0.07, 0.065), o.bag)
    b.rod((0, 0, 0.82), (0.005, 0, 0.88), (0.032, 0.032), o.skin)
    b.rod((0.008, 0, 0.905), (0.01, 0, 0.935), (0.048, 0.05), o.skin)
    b.rod((-0.014, 0, 0.925), (-0.008, 0, 0.948), (0.05, 0.05), o.hair)
    return b.done(o.height)


def cyclist(outfit: Outfit, phase: float, helmet: bool) -> Figure:
    b, o = _Builder(), outfit
    frame = o.hair * 1.2 + 40
    b.wheels += [(-0.5, 0.0, 0.34, 0.035), (0.52, 0.0, 0.34, 0.035)]
    for a, c in (
        ((-0.5, 0, 0.34), (-0.15, 0, 0.85)),
        ((-0.15, 0, 0.85), (0.42, 0, 0.9)),
        ((0.0, 0, 0.3), (0.42, 0, 0.85)),
        ((0.52, 0, 0.34), (0.4, 0, 0.98)),
        ((0.0, 0, 0.3), (-0.18, 0, 0.85)),
    ):
        b.rod(a, c, (0.018, 0.018), frame)
    b.rod((0.42, -0.27, 1.0), (0.42, 0.27, 1.0), (0.015, 0.015), np.full(3, 40.0))
    _rider(b, o, phase, (-0.18, 0.95), (0.18, 1.42), (0.42, 1.02), helmet)
    return b.done()


def motorcyclist(outfit: Outfit, scooter: bool) -> Figure:
    b, o = _Builder(), outfit
    b.wheels += [(-0.62, 0.0, 0.3, 0.13), (0.66, 0.0, 0.3, 0.11)]
    body = o.hair * 0.6 + o.top * 0.3 + 20
    b.rod((-0.6, 0, 0.45), (0.1, 0, 0.5), (0.14, 0.17), body)
    b.rod((0.05, 0, 0.72), (0.35, 0, 0.75), (0.15, 0.13), body * 1.2)
    b.rod((-0.75, 0, 0.78), (0.0, 0, 0.76), (0.11, 0.13), np.full(3, 28.0))
    b.rod((0.64, 0, 0.3), (0.45, 0, 0.98), (0.05, 0.05), np.full(3, 60.0))
    b.rod((-0.86, 0.0, 0.7), (-0.84, 0.0, 0.74), (0.05, 0.05), np.array([28.0, 24, 170]))
    b.rod((-0.88, -0.06, 0.56), (-0.88, 0.06, 0.56), (0.05, 0.05), np.array([210.0, 214, 214]))
    b.rod((0.42, -0.36, 1.02), (0.42, 0.36, 1.02), (0.02, 0.02), np.full(3, 40.0))
    for side in (-1, 1):
        b.rod((0.45, side * 0.33, 1.12), (0.45, side * 0.36, 1.14), (0.04, 0.04), np.full(3, 50.0))
    lean = (0.02, 1.38) if scooter else (0.1, 1.36)
    _rider(b, o, 0.0, (-0.22, 0.88), lean, (0.42, 1.02), True, 0.17)
    return b.done()


def _rider(
    b: _Builder,
    o: Outfit,
    phase: float,
    hip: tuple[float, float],
    shoulder: tuple[float, float],
    hands: tuple[float, float],
    helmet: bool,
    spread: float = 0.08,
) -> None:
    """(x, z) of the joints, in metres."""
    for side in (-1, 1):
        turn = phase + (np.pi if side < 0 else 0)
        foot = (0.17 * np.cos(turn), side * (spread + 0.02), 0.3 + 0.17 * np.sin(turn))
        knee = (0.28, side * (spread + 0.04), (foot[2] + hip[1]) / 2 + 0.1)
        b.rod((hip[0], side * 0.09, hip[1]), knee, (0.09, 0.07), o.legs)
        b.rod(knee, foot, (0.065, 0.045), o.legs * 0.92)
        b.rod(foot, (foot[0] + 0.14, foot[1], foot[2] - 0.03), (0.045, 0.035), np.full(3, 26.0))
        elbow = ((shoulder[0] + hands[0]) / 2, side * 0.29, (shoulder[1] + hands[1]) / 2 - 0.05)
        b.rod((shoulder[0], side * 0.19, shoulder[1]), elbow, (0.06, 0.05), o.top * 0.9)
        b.rod(elbow, (hands[0], side * 0.26, hands[1]), (0.048, 0.036), o.top * 0.9)
        b.rod(
            (hip[0], side * 0.08, hip[1] + 0.05),
            (shoulder[0], side * 0.11, shoulder[1] - 0.02),
            (0.12, 0.11),
            o.top,
        )
    head = (shoulder[0] + 0.08, 0.0, shoulder[1] + 0.24)
    b.rod((shoulder[0] + 0.04, 0, shoulder[1] + 0.06), head, (0.055, 0.07), o.skin)
    b.rod((head[0] + 0.04, 0, head[2] - 0.02), (head[0] + 0.03, 0, head[2] + 0.03), (0.085, 0.09), o.skin)
    b.rod(
        (head[0] - 0.02, 0, head[2]),
        (head[0] - 0.01, 0, head[2] + 0.04),
        (0.112, 0.118),
        o.top * 0.4 + 90 if helmet else o.hair,
    )
    if o.bag is not None:
        b.rod(
            (hip[0] - 0.1, 0, hip[1] + 0.22), (shoulder[0] - 0.14, 0, shoulder[1] - 0.05), (0.12, 0.12), o.bag
        )
