"""Where scenes go. A sink is a file here that fills `perception.interfaces.Sink`.

Every file appears under its name only when it is complete: see `files`, and for drives `growing`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from perception.interfaces import Painter, Sink, Task
from perception.sinks.images import OverlayImages
from perception.sinks.maps import Maps
from perception.sinks.record import DriveRecorder
from perception.sinks.scenes import SceneLines, read_scenes, scene_from_json, scene_to_json
from perception.sinks.video import OverlayVideo

Make = Callable[[Path, Sequence[Task], Sequence[Painter], float], Sink]  # the last: frames a second

SINKS: Mapping[str, Make] = {  # of a run: what is written below the folder of its results
    "scenes.jsonl": lambda path, tasks, painters, fps: SceneLines(path, tasks),
    "overlay.mp4": lambda path, tasks, painters, fps: OverlayVideo(path, fps, painters),
    "overlay": lambda path, tasks, painters, fps: OverlayImages(path, painters),
    "maps": lambda path, tasks, painters, fps: Maps(path),
}

__all__ = [
    "SINKS",
    "DriveRecorder",
    "Maps",
    "OverlayImages",
    "OverlayVideo",
    "SceneLines",
    "read_scenes",
    "scene_from_json",
    "scene_to_json",
]
