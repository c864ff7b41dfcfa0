"""Where scenes go. A sink is a file here that fills `perception.interfaces.Sink`, and a line below.

Every file appears under its name only when it is complete: see `files`, and for drives `growing`.
"""

from perception.sinks.images import OverlayImages
from perception.sinks.maps import Maps
from perception.sinks.record import DriveRecorder
from perception.sinks.scenes import SceneLines, read_scenes, scene_from_json, scene_to_json
from perception.sinks.video import OverlayVideo

__all__ = [
    "DriveRecorder",
    "Maps",
    "OverlayImages",
    "OverlayVideo",
    "SceneLines",
    "read_scenes",
    "scene_from_json",
    "scene_to_json",
]
