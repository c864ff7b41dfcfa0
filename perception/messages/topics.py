"""What a recorded drive calls things."""

from __future__ import annotations

TOPICS = {  # what -> (topic, message type); those of results are in `perception.fields`
    "image": ("/camera/image/compressed", "sensor_msgs/msg/CompressedImage"),
    "camera_info": ("/camera/camera_info", "sensor_msgs/msg/CameraInfo"),
    "ego": ("/vehicle/twist", "geometry_msgs/msg/TwistStamped"),  # the own motion
    "tf_static": ("/tf_static", "tf2_msgs/msg/TFMessage"),
}
PICTURE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
CAMERA_FRAME = "camera_optical"  # ROS (REP 103): x right, y down, z along the optical axis
VEHICLE_FRAME = "base_link"  # on the road below the camera, x forward, y left, z up
