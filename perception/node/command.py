"""`perception node`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, replace

from perception.errors import BackendUnavailable
from perception.node.bus import InProcessBus
from perception.node.node import PerceptionNode
from perception.node.parameters import DEFAULTS, Settings
from perception.node.player import play

NO_DEADLINE_MS = 60_000.0
LEVELS = ("OK", "WARN", "ERROR", "STALE")
SHOWN = ("captured", "received", "answered", "dropped", "failed", "lost")


def node(arguments: Sequence[str] = (), settings: Settings | None = None) -> None:
    """Run as a ROS 2 node until it is stopped. `arguments` as `ros2 run` passes them (--ros-args ...).

    `settings` become parameters, too; where both name one, `arguments` do.
    """
    try:
        from perception.node import ros2
    except ImportError as error:
        raise BackendUnavailable(
            f"expected ROS 2 with rclpy, got: {error}; source /opt/ros/DISTRO/setup.bash and the workspace "
            "with perception_msgs, or try `perception node --bus SOURCE`"
        ) from error
    ros2.main([*parameters(settings or Settings()), *arguments])


def parameters(settings: Settings) -> list[str]:
    """Those that are no default, as ROS takes them; quotes keep a text that looks like a number a text."""
    given = {name: value for name, value in asdict(settings).items() if value != DEFAULTS[name]}
    words = [word for name, value in given.items() for word in ("-p", f"{name}:={json.dumps(value)}")]
    return ["--ros-args", *words] if words else []


def on_bus(source: str, settings: Settings | None = None, max_frames: int | None = None) -> None:
    """The node in this process, and a source that plays the camera; prints /diagnostics once a second."""
    from perception.sources import open_source

    settings = settings or Settings()
    bus = InProcessBus()
    frames = open_source(source)
    if not frames.live:  # nobody depends on its results at the moment they come
        settings = replace(settings, deadline_ms=NO_DEADLINE_MS)
    with closing(frames), closing(PerceptionNode(bus, settings)) as it:
        it.configure()
        it.activate()
        bus.subscribe("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", _show)
        play(frames, bus, settings, max_frames)
        it.deactivate()
        it.report()


def _show(array: object) -> None:
    for status in array.status:  # type: ignore[attr-defined]
        values = {pair.key: pair.value for pair in status.values}
        counts = ", ".join(f"{values[name]} {name}" for name in SHOWN)
        age = values.get("age_ms_p95", "-")
        print(f"{LEVELS[status.level]}: {status.message}; {counts}; age p95 {age} ms", file=sys.stdout)
