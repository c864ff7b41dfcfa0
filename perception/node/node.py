"""The node, on any bus: images come in by topic, one thread answers the newest, the others are dropped.

States are those of a ROS 2 lifecycle node. Nothing is computed here: messages are converted and given to a
`Pipeline`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import Thread
from typing import Any, NamedTuple

import numpy as np

from perception import messages
from perception.errors import PerceptionError, Withheld
from perception.health import Health, Heat, Limits, Report
from perception.messages import Record
from perception.node.bus import Bus, Close
from perception.node.counting import Counting, Counts, readings, status
from perception.node.ego import OwnMotion
from perception.node.loading import Load, Loaded, load
from perception.node.mount import Mounted
from perception.node.outputs import Outputs
from perception.node.parameters import Settings, Value, refusal
from perception.node.verdict import ODD_CLOCK_MS, Facts, findings, level
from perception.pipeline import MAX_FAILURES
from perception.redaction import redacted
from perception.sources.lens import LensWatch
from perception.sources.mailbox import Mailbox
from perception.types import Frame
from perception.white import White

UNCONFIGURED, INACTIVE, ACTIVE = "unconfigured", "inactive", "active"
Converter = Callable[[Any, White], np.ndarray]
KINDS: Mapping[str, tuple[str, Converter]] = {  # transport -> type, message to image
    "raw": ("sensor_msgs/msg/Image", messages.image_from),
    "compressed": ("sensor_msgs/msg/CompressedImage", messages.compressed_from),
}
DIAGNOSTICS = ("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray")
PERIOD_S = 1.0  # of the diagnostics
NOTICE_S = 0.05  # after so long at the most, another state is published
WAIT_S = 3600.0  # for an image, before the thread waits again

log = logging.getLogger(__name__)


class Letter(NamedTuple):
    message: Any
    seq: int  # images before it
    arrived_ns: int  # of time.monotonic_ns


class PerceptionNode:
    """`configure`, `activate`, `deactivate` and `cleanup` are called by one thread, in a fitting order."""

    def __init__(self, bus: Bus, settings: Settings, load: Load = load) -> None:
        """Raises PerceptionError for settings that cannot be."""
        if reason := refusal(vars(settings), configured=False):
            raise PerceptionError(reason)
        self.settings = settings
        self.state = UNCONFIGURED
        self.enabled = True
        self.counting = Counting()
        self.health = Health(settings.image_topic, _limits(settings), time.monotonic_ns())
        self._heat = Heat(self.health)
        self._lens = LensWatch(self.health)
        self._found: set[str] = set()  # reasons that the counts gave
        self._told = ""  # the state that was published last
        self._bus = bus
        self._load = load
        self._loaded: Loaded | None = None
        self._diagnostics = bus.publisher(*DIAGNOSTICS)
        self._closers: list[Close] = []  # of the subscriptions
        timers = bus.every(PERIOD_S, self.report), bus.every(NOTICE_S, self._notice)
        self._timers = timers

    def configure(self) -> None:
        """Load and warm up. Raises PerceptionError if that cannot be; the node is then as before."""
        self._mounted = Mounted(self.settings)
        self._motion = OwnMotion(self.settings)
        self._white = White(self.settings.image_topic)
        self._loaded = self._load(self.settings)
        self._lens.warm()
        pipeline = self._loaded.pipeline
        self._outputs = Outputs(self._bus, pipeline.tasks, self._loaded.thresholds, pipeline.stages)
        self.state = INACTIVE

    def activate(self) -> None:
        """Listen."""
        settings = self.settings
        self._mailbox: Mailbox[Letter] = Mailbox()
        self._thread = Thread(target=self._work, args=(self._mailbox,), name="perception", daemon=True)
        self._thread.start()
        self.counting.activated()
        self.state = ACTIVE
        info, (kind, _) = "sensor_msgs/msg/CameraInfo", KINDS[settings.transport]
        reliable = settings.reliability == "reliable"
        self._closers = [
            self._bus.subscribe(settings.camera_info_topic, info, self._mounted.hear),
            self._bus.subscribe(settings.image_topic, kind, self._receive, reliable),
            *(self._bus.subscribe(*topic) for topic in self._motion.topics()),
        ]

    def deactivate(self) -> None:
        """Stop listening. The image at work is still answered, one that waits is dropped."""
        for close in self._closers:
            close()
        self._mailbox.close()
        self._thread.join()
        self.counting.settle()
        self._forget_images()
        self.state = INACTIVE

    def cleanup(self) -> None:
        """Let go of the network."""
        self._outputs.close()
        if self._loaded is not None:
            self._loaded.pipeline.close()
        self._loaded = None
        self.state = UNCONFIGURED

    def close(self) -> None:
        """From any state."""
        for stop in self._timers:
            stop()
        if self.state == ACTIVE:
            self.deactivate()
        if self.state == INACTIVE:
            self.cleanup()
        self._diagnostics.close()

    def enable(self, on: bool) -> str:
        """While it is off, images are not looked at. What to answer who asked for it."""
        self.enabled = on
        self._forget_images()
        return f"{'on' if on else 'off'}, {self.state}"

    def _forget_images(self) -> None:
        """Their faults say nothing of a node that looks at none, or at others."""
        self.health.clear("failures", "failing")
        self._lens.forget()

    def refusal(self, changes: Mapping[str, Value]) -> str | None:
        """Why these settings cannot be changed now; None: they can."""
        return refusal(changes, self.state != UNCONFIGURED)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Names and values that `refusal` accepts."""
        self.settings = replace(self.settings, **changes)
        self.health.limits = _limits(self.settings)

    def report(self) -> None:
        """Publish how the node is doing."""
        stamp_ns = self._bus.now_ns()
        record = {"header": messages.header(stamp_ns, ""), "status": [self.status()]}
        self._diagnostics.publish(record)

    def status(self) -> Record:
        """diagnostic_msgs/DiagnosticStatus."""
        counts, latency = self.counting.counts(self._bus.lost(), self._bus.exact), self.counting.latency()
        age = latency.get("age", {}).get("p95", 0.0)
        report = self._judge(findings(self._facts(self.counting.recent(counts), age), self.settings))
        rank, message = level(report)
        loaded = self._loaded
        device = loaded.pipeline.backend.device if loaded else ""
        about = {
            "health": report.state,
            "reasons": ", ".join(reason.name for reason in report.reasons),
            "state": self.state,
            "enabled": self.enabled,
            "model": loaded.model if loaded else "",
            "error": self.counting.error,
        }
        return status("perception: pipeline", device, rank, message, {**about, **readings(counts, latency)})

    def _judge(self, found: Mapping[str, str]) -> Report:
        now_ns = time.monotonic_ns()
        self.health.clear(*(self._found - set(found)))
        for name, text in found.items():
            self.health.say(name, text, now_ns)
        self._found = set(found)
        if "no_frames" in found:
            self._lens.forget()
        report = self.health.report(now_ns)
        self._heat(report)
        self._told = report.state
        return report

    def _notice(self) -> None:
        """Another state is published at once: who depends on the node shall not wait for a second."""
        if self.state == ACTIVE and self.health.report(time.monotonic_ns()).state != self._told:
            self.report()

    def _facts(self, recent: Counts, age_ms: float) -> Facts:
        settings, health = self.settings, self.counting
        return Facts(
            self.state,
            self.enabled,
            health.silent_s(),
            self._bus.sources(settings.image_topic),
            recent,
            age_ms,
            health.ahead_ms(),
            tuple(sorted(health.frame_ids)),
            self._mounted.problem if self._loaded else "",
            self._motion.problem if self._loaded else "",
            self._bus.advice(KINDS[settings.transport][0]),
        )

    def _receive(self, message: Any) -> None:
        """By the bus, in its thread: the network must not run here, or images would queue up before it."""
        stamp_ns = messages.stamp_ns(message.header)
        age_ms, now_ns = (self._bus.now_ns() - stamp_ns) / 1e6, time.monotonic_ns()
        seq = self.counting.arrived(stamp_ns, message.header.frame_id, age_ms, ignored=not self.enabled)
        self.health.arrived(now_ns)
        if self.enabled:
            before = self._mailbox.overwritten
            self._mailbox.put(Letter(message, seq, now_ns))
            self.counting.dropped(self._mailbox.overwritten - before)

    def _work(self, mailbox: Mailbox[Letter]) -> None:
        while True:
            try:
                letter = mailbox.take(WAIT_S)
            except TimeoutError:
                continue
            if letter is None:
                return
            try:
                self._answer(*letter)
            except Exception as error:  # also a bug, or a device that is gone: diagnostics must say so
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        bug = None if isinstance(error, PerceptionError) else error
        text = redacted(repr(error) if bug else str(error))
        self.counting.failed(text)
        if not isinstance(error, Withheld):  # that is a result, and health said why it is not given
            self.health.failed(text, time.monotonic_ns())
        if self.counting.in_row <= MAX_FAILURES:  # then /diagnostics tells, and the log would only grow
            log.warning("image skipped: %s", text, exc_info=bug)

    def _answer(self, message: Any, seq: int, arrived_ns: int) -> None:
        loaded, settings = self._loaded, self.settings
        assert loaded is not None, "active nodes are configured"
        stamp_ns = messages.stamp_ns(message.header)
        image = KINDS[settings.transport][1](message, self._white)
        self._lens(image, time.monotonic_ns())
        size = image.shape[1], image.shape[0]
        camera, ego = self._mounted.camera(size), self._motion.at(stamp_ns)
        frame = Frame(image, stamp_ns, seq, settings.image_topic, camera, ego)
        scene = loaded.pipeline(frame)
        age_ms, now_ns = (self._bus.now_ns() - stamp_ns) / 1e6, time.monotonic_ns()
        known = abs(age_ms) <= ODD_CLOCK_MS  # else the stamp is of another clock
        here_ms = (now_ns - arrived_ns) / 1e6  # it is no younger than that, whatever its stamp says
        if objection := self.health.judge(max(age_ms, here_ms) if known else here_ms, now_ns):
            raise Withheld(f"the result is withheld: {objection}")
        self._outputs.publish(frame, scene, messages.header(stamp_ns, message.header.frame_id), settings)
        age_ms = (self._bus.now_ns() - stamp_ns) / 1e6
        self.counting.answered(age_ms, scene.timing_ms)


def _limits(settings: Settings) -> Limits:
    """What is three deadlines old is of no use to anybody."""
    return Limits(settings.deadline_ms, oldest_ms=max(Limits.oldest_ms, 3 * settings.deadline_ms))
