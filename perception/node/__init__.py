"""The pipeline as a node of a robot: images in, messages out. It converts and calls `Pipeline`, no more.

`node` is the node on an abstract `bus`. `ros2` is that bus in ROS 2, with life cycle and parameters, and the
only file that imports rclpy; the bus inside one process serves tests and `perception node --bus`.
"""
