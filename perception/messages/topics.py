"""What a recorded drive calls things."""

from __future__ import annotations

RESULTS = {  # field of Scene -> (topic below /perception or /truth, message type)
    "detections": ("detections", "vision_msgs/msg/Detection2DArray"),
    "signs": ("signs", "vision_msgs/msg/Detection2DArray"),
    "lanes": ("lanes", "perception_msgs/msg/LaneArray"),
    "drivable": ("drivable_mask", "sensor_msgs/msg/Image"),
}
TOPICS = {  # what -> (topic, message type)
    "image": ("/camera/image/compressed", "sensor_msgs/msg/CompressedImage"),
    "camera_info": ("/camera/camera_info", "sensor_msgs/msg/CameraInfo"),
    "tf_static": ("/tf_static", "tf2_msgs/msg/TFMessage"),
    **{name: (f"/perception/{topic}", kind) for name, (topic, kind) in RESULTS.items()},
}
TRUTH_TOPICS = {name: (f"/truth/{topic}", kind) for name, (topic, kind) in RESULTS.items()}  # labelled drives
PICTURE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
CAMERA_FRAME = "camera_optical"  # ROS (REP 103): x right, y down, z along the optical axis
VEHICLE_FRAME = "base_link"  # on the road below the camera, x forward, y left, z up
