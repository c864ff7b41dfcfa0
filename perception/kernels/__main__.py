"""Compile the kernels for this machine, so that no frame has to wait: `python -m perception.kernels`.

The first frame would do it too, and take some seconds.
"""

from __future__ import annotations

import numpy as np

from perception.kernels import cpu, expected
from perception.kernels.lines import parabolas
from perception.letterbox import Letterbox


def main() -> None:
    """Each kernel once, with arrays of the types that a frame brings."""
    maps, three = np.zeros((4, 8, 8), np.float32), (np.zeros((4, 8, 8), np.float32),) * 3
    cpu.contrast(np.zeros((4, 4, 3), np.uint8), (4, 4), 1)
    cpu.halve(np.zeros((4, 4, 3), np.uint8), np.zeros((2, 2, 3), np.uint8))
    cpu.shrink(np.zeros((2, 3, 3), np.uint8), np.zeros((2, 2, 3), np.uint8), Letterbox.fit((3, 2), (2, 2)))
    cpu.upsampled_labels(maps, 0.0, (32, 32))
    found = cpu.all_candidates(three, three, np.ones(4, np.float32), (8, 16, 32), 9)
    cpu.objects(found, 0.6, np.ones((3, 2)), 1.0, 1)
    points, begins = np.zeros((9, 4)), np.zeros(9, np.int64)
    cpu.without_edges(maps, maps, maps, 0.0)
    count = cpu.strokes(maps, (0, 0), np.zeros((16, 16), np.bool_), 0.9, points, begins)
    cpu.lines(points, begins, count, maps, np.zeros((4, 2)), parabolas(), 1.0, 0.5, 16.0)
    cpu.sign_crops(np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4), np.float32), 64)
    cpu.all_finite(maps.ravel())
    expected.area(maps[0], 0.0)
    expected.doubtful(three, np.ones(4, np.float32), 0.0)
    expected.length(np.zeros((2, 2), np.float32))


if __name__ == "__main__":
    main()
