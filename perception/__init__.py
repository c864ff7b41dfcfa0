"""From a camera frame to a scene: objects, signs, lanes and where one can drive.

    import perception

    pipeline = perception.load()
    scene = pipeline(perception.Frame(image, stamp_ns=0, seq=0))

Importing this package is cheap: what a name needs is imported when it is first used.

Nothing is sent to anybody: onnxruntime's telemetry is switched off here, before its import. A program that
imports onnxruntime before this package sets ORT_DISABLE_TELEMETRY=1 itself.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from perception.errors import (
    BackendUnavailable,
    BundleError,
    DataError,
    FrameError,
    PerceptionError,
    SinkError,
    SourceError,
)
from perception.limits import tell_opencv
from perception.load import load  # binds the function over the submodule of the same name

if TYPE_CHECKING:
    from perception.camera import CameraModel
    from perception.pipeline import Pipeline
    from perception.types import Frame, Scene

__all__ = [
    "BackendUnavailable",
    "BundleError",
    "CameraModel",
    "DataError",
    "Frame",
    "FrameError",
    "PerceptionError",
    "Pipeline",
    "Scene",
    "SinkError",
    "SourceError",
    "load",
]
__version__ = "0.17.0"

# From 1.32 on onnxruntime keeps events and a device id in the user's cache and sends them. It reads this when
# it is imported; its disable_telemetry_events() comes too late. Worker processes inherit it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
tell_opencv()

_HOMES = {
    "CameraModel": "perception.camera",
    "Frame": "perception.types",
    "Pipeline": "perception.pipeline",
    "Scene": "perception.types",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'perception' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
