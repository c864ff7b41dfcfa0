"""Lines on a picture."""

from __future__ import annotations

import numpy as np
import pytest

from perception.tasks.lanes.decode import ROAD_EDGE
from perception.tasks.lanes.draw import draw
from perception.types import LaneLine


@pytest.mark.parametrize("kind", [0, ROAD_EDGE])
@pytest.mark.parametrize(("points", "painted"), [(0, False), (1, False), (2, True)])
def test_a_line_is_painted_if_it_has_two_points(points, painted, kind):
    canvas = np.zeros((48, 64, 3), np.uint8)
    line = LaneLine(np.array([(10, 40), (30, 10)], np.float32)[:points], None, 1.0, kind)
    draw(canvas, [line])
    assert canvas.any() == painted
