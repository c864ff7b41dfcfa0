from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def driving_data() -> Path:
    path = Path(os.environ.get("PERCEPTION_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no driving data in {path}: set PERCEPTION_DATA")
    return path
