"""Cars, vans, buses and trucks as meshes. Origin: on the ground below the middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perception.synthetic.mesh import Mesh

GLASS, TYRE, DARK = np.array([62, 54, 46]), np.array([26, 26, 27]), np.array([36, 36, 36])
RED, LAMP, PLATE = np.array([30, 24, 190]), np.array([225, 228, 230]), np.array([222, 226, 226])
PAINTS = np.array(
    [
        (235, 235, 232), (228, 226, 222), (190, 188, 184), (160, 156, 150), (120, 118, 114), (70, 68, 66),
        (38, 36, 36), (30, 28, 28), (44, 40, 150), (36, 30, 110), (120, 70, 40), (90, 50, 28), (150, 110, 70),
        (70, 96, 50),         (150, 190, 200), (40, 150, 210), (60, 110, 160),
    ],
    np.float64,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Vehicle:
    mesh: Mesh
    length: float
    width: float
    height: float


def random_vehicle(rng: np.random.Generator) -> Vehicle:
    kind = rng.choice(4, p=(0.74, 0.12, 0.09, 0.05))
    return (car, van, truck, bus)[kind](rng)


def octagon(rear: float, front: float, half: float, chamfer: tuple[float, float] = (0.3, 0.5)) -> np.ndarray:
    """A plan outline (8, 2): a rectangle with its corners cut off."""
    a, b = chamfer
    side = [(rear, half - a * 0.9), (rear + a * 0.6, half), (front - b, half), (front, half - b * 0.8)]
    return np.array([(x, -y) for x, y in side] + [(x, y) for x, y in reversed(side)])


def rectangle(rear: float, front: float, half: float) -> np.ndarray:
    return np.array([(rear, -half), (front, -half), (front, half), (rear, half)])


def car(rng: np.random.Generator) -> Vehicle:
    length, width = rng.uniform(3.6, 4.8), rng.uniform(1.62, 1.88)
    roof = rng.uniform(1.4, 1.75)
    belt = roof * rng.uniform(0.6, 0.66)
    boot = rng.choice((0.05, 0.12, 0.85)) if roof < 1.55 else 0.06
    body = PAINTS[rng.integers(len(PAINTS))] * rng.uniform(0.9, 1.05)
    return _car(rng, length, width, belt, roof, boot, 0.30 * length, body)


def van(rng: np.random.Generator) -> Vehicle:
    length, width, roof = rng.uniform(4.6, 5.8), rng.uniform(1.85, 2.0), rng.uniform(1.95, 2.5)
    body = PAINTS[rng.choice((0, 0, 0, 1, 2, 5, 10, 12))]
    return _car(rng, length, width, 1.12, roof, 0.02, 0.17 * length, body)


def _car(
    rng: np.random.Generator,
    length: float,
    width: float,
    belt: float,
    roof: float,
    boot: float,
    bonnet: float,
    body: np.ndarray,
) -> Vehicle:
    rear, front, half = -length / 2, length / 2, width / 2
    mesh, clear = Mesh(), 0.2
    waist = belt * 0.66
    sill = body * 0.9 if rng.random() < 0.65 else np.array([60.0, 60, 60])
    mesh.prism(
        octagon(rear + 0.06, front - 0.06, half - 0.06), clear, octagon(rear, front, half), 0.5, sill, body
    )
    mesh.prism(
        octagon(rear, front, half), 0.5, octagon(rear + 0.02, front - 0.05, half - 0.02), waist, body, body
    )
    shoulder = octagon(rear + 0.07, front - 0.35, half - 0.07)
    mesh.prism(
        octagon(rear + 0.02, front - 0.05, half - 0.02), waist, shoulder, belt, body * 1.03, body * 1.1
    )
    _underside(mesh, rear + 0.5, half, clear + 0.02)
    _flanks(mesh, rear, front, half, body)
    _tail(mesh, rng, rear, half, waist, belt, body)
    _nose(mesh, rng, front, half, waist)
    low = (rear + 0.1 + boot, front - bonnet, half - 0.09)
    slope = 0.55 if boot > 0.5 else rng.uniform(0.12, 0.5)
    slope = 0.1 if roof > 1.9 else slope
    high = (low[0] + slope, low[1] - 0.75 * (roof - belt) / 0.5 * 0.8, half * rng.uniform(0.7, 0.78))
    if roof > 1.9:
        high = (high[0], low[1] - 0.7, half - 0.16)
    mesh.part()
    _cabin(mesh, low, high, belt, roof, body)
    return Vehicle(mesh, length, width, roof)


def _underside(mesh: Mesh, x: float, half: float, clear: float, broad: float = 0.2) -> None:
    """The dark below the body, and the tyres as seen from behind and from ahead; `clear`: its height."""
    black, first = np.array([13.0, 13, 13]), len(mesh.fine)
    for side in (-1, 1):
        mesh.flank((x, -x), side * (half - 0.08), (0.0, clear), black)
    for back in (True, False):
        at = x if back else -x
        mesh.panel(at, (-half + 0.08, half - 0.08), (0.0, clear), black, back=back)
        for side in (-1, 1):
            mesh.panel(
                at, (side * (half - 0.06), side * (half - 0.06 - broad)), (0.0, clear), TYRE, back=back
            )
    mesh.fine[first:] = [False] * (len(mesh.fine) - first)


def _flanks(mesh: Mesh, rear: float, front: float, half: float, body: np.ndarray) -> None:
    """Wheels, wheel arches and door gaps on both sides."""
    for side in (-1, 1):
        y = side * (half + 0.005)
        for x in (rear + 0.75, front - 0.82):
            mesh.disc(x, y, 0.36, 0.37, (18, 18, 18), False)
            mesh.disc(x, y * 1.002, 0.31, 0.31, TYRE, False)
            mesh.disc(x, y * 1.004, 0.31, 0.2, (132, 132, 134))
            mesh.disc(x, y * 1.006, 0.31, 0.06, (60, 60, 60))
        for x in (rear + 1.35, (rear + front) / 2 + 0.15):
            mesh.flank((x, x + 0.02), y, (0.32, 0.85), body * 0.45)
        mesh.flank((rear + 1.1, front - 1.2), y, (0.24, 0.34), body * 0.55)


def _tail(
    mesh: Mesh,
    rng: np.random.Generator,
    rear: float,
    half: float,
    waist: float,
    belt: float,
    body: np.ndarray,
) -> None:
    """Bumper, lamps, number plate and the gap of the lid."""
    x = rear - 0.01
    inner = half - 0.27
    mesh.panel(x + 0.03, (-inner, inner), (0.22, 0.34), DARK)
    mesh.panel(x, (-inner * 0.92, inner * 0.92), (waist * 0.83, waist * 0.83 + 0.018), body * 0.5)
    tall, wide = rng.uniform(0.12, 0.24), rng.uniform(0.16, 0.4)
    for side in (-1, 1):
        lamp = np.array([[rear + 0.18, side * (half - 0.005), 0], [rear - 0.012, side * (inner - 0.002), 0]])
        box = np.array([lamp[0], lamp[1], lamp[1], lamp[0]]) + np.array([0, 0, waist])
        box[:2, 2] += 0.02
        box[2:, 2] += min(tall, belt - waist - 0.02)
        mesh.add(box, RED * 0.9, (-1, 0, 0), False, True)
        mesh.panel(
            x - 0.005,
            (side * inner, side * (inner - wide * 0.6)),
            (waist + 0.02, waist + min(tall, belt - waist - 0.02)),
            RED,
            True,
        )
    at = waist * (0.86 if rng.random() < 0.6 else 0.62)
    colour = PLATE if rng.random() < 0.7 else np.array([40, 190, 225])
    mesh.panel(x - 0.005, (-0.26, 0.26), (at, at + 0.12), colour)
    mesh.panel(x - 0.008, (-0.2, 0.2), (at + 0.035, at + 0.085), colour * 0.45)


def _nose(mesh: Mesh, rng: np.random.Generator, front: float, half: float, waist: float) -> None:
    """Grille, head lamps, number plate."""
    x, inner = front + 0.01, half - 0.42
    mesh.panel(x, (-inner, inner), (0.26, 0.42), DARK, back=False)
    mesh.panel(x, (-inner * 0.9, inner * 0.9), (waist * 0.86, waist + 0.06), DARK * 0.9, back=False)
    for side in (-1, 1):
        corner = np.array([[front - 0.32, side * (half - 0.02), 0], [front + 0.012, side * inner, 0]])
        box = np.array([corner[0], corner[1], corner[1], corner[0]]) + np.array([0, 0, waist])
        box[:2, 2] -= 0.08
        box[2:, 2] += 0.07
        mesh.add(box, LAMP, (1, 0, 0), False, True)
    mesh.panel(x + 0.004, (-0.26, 0.26), (0.44, 0.55), PLATE, back=False)


def _cabin(
    mesh: Mesh,
    low: tuple[float, float, float],
    high: tuple[float, float, float],
    belt: float,
    roof: float,
    body: np.ndarray,
) -> None:
    """(rear, front, half width) at the belt line and at the roof: walls with windows in them."""
    a = np.column_stack([rectangle(*low), np.full(4, belt)])
    b = np.column_stack([rectangle(*high), np.full(4, roof)])
    mesh.prism(rectangle(*low), belt, rectangle(*high), roof, body * 0.95, body * 1.12)
    outs = ((0, -1, 0), (1, 0, 0), (0, 1, 0), (-1, 0, 0))
    for i, out in enumerate(outs):
        wall = np.array([a[i], a[(i + 1) % 4], b[(i + 1) % 4], b[i]])
        pane = wall.mean(0) + (wall - wall.mean(0)) * (0.9 if i % 2 == 0 else 0.86)
        pane += np.array(out) * 0.004
        mesh.add(pane, GLASS, out)
        upper = pane.copy()
        upper[:2] = pane[:2] * 0.35 + pane[[3, 2]] * 0.65
        mesh.add(upper, GLASS * 1.5, out, True)
        if i % 2 == 0:
            _pillar(mesh, pane, out, body)


def _pillar(mesh: Mesh, pane: np.ndarray, out: tuple[int, int, int], body: np.ndarray) -> None:
    for share in (0.36, 0.7) if np.ptp(pane[:, 0]) > 2 else (0.5,):
        foot, head = pane[0] + (pane[1] - pane[0]) * share, pane[3] + (pane[2] - pane[3]) * share
        wide = np.array([0.05, 0, 0])
        mesh.add(np.array([foot - wide, foot + wide, head + wide, head - wide]), body * 0.6, out, True)


def bus(rng: np.random.Generator) -> Vehicle:
    length, width, height = rng.uniform(9, 12.5), 2.5, rng.uniform(2.9, 3.4)
    body = PAINTS[rng.integers(len(PAINTS))]
    mesh, half, rear, front = Mesh(), width / 2, -length / 2, length / 2
    plan = octagon(rear, front, half, (0.25, 0.3))
    mesh.prism(plan, 0.32, plan, 1.2, body * 0.9, body)
    mesh.prism(
        plan, 1.2, octagon(rear + 0.1, front - 0.15, half - 0.08, (0.25, 0.3)), height, body, body * 1.1
    )
    _underside(mesh, rear + 0.6, half, 0.36, 0.5)
    for x, back in ((rear - 0.005, True), (front + 0.005, False)):
        inset = 0.09 if back else 0.13
        glass = (1.75, height - 0.45) if back else (1.15, height - 0.55)
        step = inset if back else -inset
        mesh.panel(x + step * 0.4, (-half + 0.3, half - 0.3), glass, GLASS, back=back)
        mesh.panel(
            x + step * 0.8, (-half + 0.45, half - 0.45), (height - 0.36, height - 0.14), DARK * 0.8, back=back
        )
    for side in (-1, 1):
        mesh.panel(rear - 0.01, (side * (half - 0.3), side * (half - 0.5)), (0.75, 1.3), RED, True)
        mesh.panel(front + 0.01, (side * (half - 0.32), side * (half - 0.62)), (0.6, 0.8), LAMP, True, False)
        for k in range(int(length // 1.5)):
            x = rear + 0.4 + 1.5 * k
            mesh.flank((x, x + 1.38), side * (half - 0.03), (1.35, height - 0.55), GLASS)
        for x in (rear + 2.4, front - 2.4):
            mesh.disc(x, side * (half + 0.01), 0.5, 0.5, TYRE, False)
            mesh.disc(x, side * (half + 0.02), 0.5, 0.28, (110, 110, 112))
    mesh.panel(rear - 0.012, (-0.3, 0.3), (0.55, 0.68), PLATE)
    return Vehicle(mesh, length, width, height)


def truck(rng: np.random.Generator) -> Vehicle:
    length, width, height = rng.uniform(7, 13.5), 2.5, rng.uniform(3.2, 4.0)
    box = PAINTS[rng.choice((0, 0, 1, 2, 3, 10, 12, 8, 13, 15))] * rng.uniform(0.8, 1.0)
    cab = PAINTS[rng.integers(len(PAINTS))]
    mesh, half, rear, front = Mesh(), width / 2, -length / 2, length / 2
    _underside(mesh, rear + 0.9, half, 0.6, 0.55)
    mesh.prism(
        rectangle(rear + 0.1, front - 2.0, half - 0.1),
        0.55,
        rectangle(rear + 0.1, front - 2.0, half - 0.1),
        1.05,
        DARK,
        DARK,
    )
    for side in (-1, 1):
        for x in (rear + 0.95, rear + 2.1, front - 1.3):
            mesh.disc(x, side * (half - 0.05), 0.5, 0.5, TYRE, False)
            mesh.disc(x, side * (half - 0.04), 0.5, 0.26, (120, 120, 122))
    mesh.part(loose=True)
    plan = octagon(front - 2.1, front, half - 0.03, (0.05, 0.3))
    mesh.prism(plan, 0.4, plan, 1.5, cab * 0.9, cab)
    mesh.prism(
        plan,
        1.5,
        octagon(front - 2.1, front - 0.12, half - 0.12, (0.05, 0.3)),
        min(height - 0.3, 3.0),
        cab,
        cab,
    )
    mesh.panel(front - 0.02, (-half + 0.32, half - 0.32), (1.65, 2.5), GLASS, back=False)
    mesh.panel(front + 0.01, (-half + 0.4, half - 0.4), (0.65, 1.35), DARK, back=False)
    for side in (-1, 1):
        mesh.panel(front + 0.01, (side * (half - 0.3), side * (half - 0.65)), (0.55, 0.75), LAMP, True, False)
    mesh.part(loose=True)
    plan = rectangle(rear, front - 2.25, half)
    mesh.prism(plan, 1.05, plan, height, box, box * 1.1)
    _truck_back(mesh, rng, rear - 0.01, half, height, box)
    return Vehicle(mesh, length, width, height)


def _truck_back(
    mesh: Mesh, rng: np.random.Generator, x: float, half: float, height: float, box: np.ndarray
) -> None:
    """Frame, the two doors with their bars, bumper beam, lamps."""
    mesh.panel(x, (-half + 0.08, half - 0.08), (1.15, height - 0.1), box * rng.uniform(0.82, 1.0))
    mesh.panel(x - 0.01, (-0.02, 0.02), (1.15, height - 0.1), box * 0.5)
    for y in (-0.7, -0.3, 0.3, 0.7):
        mesh.panel(x - 0.02, (y - 0.015, y + 0.015), (1.15, height - 0.1), box * 0.65)
    mesh.panel(x, (-half, half), (1.0, 1.12), np.array([90, 90, 92]))
    mesh.panel(x + 0.05, (-half + 0.1, half - 0.1), (0.48, 0.62), np.array([70, 70, 72]))
    for side in (-1, 1):
        mesh.panel(x, (side * (half - 0.05), side * (half - 0.5)), (0.78, 0.94), RED, True)
    mesh.panel(x, (-0.3, 0.3), (0.8, 0.92), PLATE)
