"""Rigs for all; what runs in the ROS environment alone is not looked at for tests."""

import pytest

from tests.node.rig import Rig

collect_ignore = ["cyclone_peer.py", "ros2_peer.py", "slow_node.py"]


@pytest.fixture
def rig():
    """Makes rigs, and closes them."""
    rigs = []

    def make(**settings):
        rigs.append(Rig(**settings))
        return rigs[-1]

    yield make
    for one in rigs:
        one.pipeline.go.set()
        one.node.close()
