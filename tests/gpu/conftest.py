"""A network's file and a cache of engines."""

from __future__ import annotations

import pytest

from perception.backends.engine_cache import EngineCache


@pytest.fixture
def onnx_file(tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(b"a network")
    return path


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "cache")
