"""ROS 2 messages without ROS: what a scene looks like as messages, and what messages say.

A message to be written is a `Record`: nested dicts, lists, numbers, str and bytes with the field names of
the .msg files; `fill` makes of it an object of any library (rosbags, rclpy, plain). A message that was read
is any object with those attributes. The definitions that no ROS library brings along lie beside this file as
.msg files: `vision_msgs` (the fields of ros-perception/vision_msgs 4) and our own `perception_msgs`, a
package that colcon builds.
"""

from perception.messages.added import class_maps, class_maps_from, classification, classification_from
from perception.messages.cameras import camera_from, camera_info, is_rectified, mount, mount_from
from perception.messages.definitions import definitions
from perception.messages.fill import fill
from perception.messages.pictures import compressed_from, image_from
from perception.messages.read import detections_from, lanes_from, mask_from, signs_from, stamp_ns
from perception.messages.topics import PICTURE_TYPES, TOPICS
from perception.messages.write import (
    Record,
    compressed_image,
    detections,
    header,
    image,
    label_info,
    lanes,
    mask,
    own_motion,
    signs,
)

__all__ = [
    "PICTURE_TYPES",
    "TOPICS",
    "Record",
    "camera_from",
    "camera_info",
    "class_maps",
    "class_maps_from",
    "classification",
    "classification_from",
    "compressed_from",
    "compressed_image",
    "definitions",
    "detections",
    "detections_from",
    "fill",
    "header",
    "image",
    "image_from",
    "is_rectified",
    "label_info",
    "lanes",
    "lanes_from",
    "mask",
    "mask_from",
    "mount",
    "mount_from",
    "own_motion",
    "signs",
    "signs_from",
    "stamp_ns",
]
