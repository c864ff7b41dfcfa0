"""A small float network and pictures it is calibrated on."""

from __future__ import annotations

import pytest

from calibration.int8.graph import inner_network
from tests.batches import smooth
from tests.float_networks import SIZE, float_network


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    return float_network(tmp_path_factory.mktemp("float") / "network.fp32.onnx")


@pytest.fixture(scope="session")
def uneven(tmp_path_factory):
    """One whose first channels differ in width by a factor of 64."""
    return float_network(tmp_path_factory.mktemp("uneven") / "network.fp32.onnx", 8.0)


@pytest.fixture(scope="session")
def pictures():
    return smooth(6, SIZE)


@pytest.fixture
def model(path):
    return inner_network(path)
