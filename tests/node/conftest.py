"""What runs in the ROS environment alone is not looked at for tests."""

collect_ignore = ["cyclone_peer.py", "ros2_peer.py", "slow_node.py"]
