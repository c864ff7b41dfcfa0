"""Every architecture runs in INT8, and its time is taken."""

from __future__ import annotations

import pytest

from deploy.speed import speeds
from perception.model.sharing import SHARING


@pytest.mark.parametrize("sharing", SHARING)
def test_it_is_quantised_and_timed(sharing):
    found = speeds([sharing], ("detection", "lanes", "signs", "drivable"), (96, 64))[sharing]
    assert set(found) == {"fp32_ms", "int8_ms"}
    assert min(found.values()) > 0
