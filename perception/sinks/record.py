"""A drive recorder: pictures and what was seen in them as one MCAP file that any ROS 2 tool reads.

Profile `ros2`, CDR messages with embedded definitions, chunks compressed with zstd. The topics are those of
`perception.messages.topics` and `perception.fields`; the metadata record `perception` says what computed the
results.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from perception import messages
from perception.camera import CameraModel
from perception.errors import PerceptionError, SinkError
from perception.fields import RESULTS, TRUTH, Named, Topics, classes_of, present
from perception.messages import TOPICS, wire
from perception.messages.topics import CAMERA_FRAME, VEHICLE_FRAME
from perception.sinks.growing import GrowingFile
from perception.types import Frame, Scene

FACTS = "perception"  # name of the metadata record
CHUNK = 1 << 20  # bytes before compression; fewer if a second is over
LATEST_NS = (2**31 - 1) * 1_000_000_000  # ROS counts seconds in 31 bits


class DriveRecorder:
    """Writes NAME.mcap; until `close` it is NAME.mcap.part.

    After a power cut or a kill the part holds all but the last second, and `Drive` reads it. If the disk is
    full, SinkError is raised and the part is kept as well. The clock of the file is that of the frames,
    made to go forward: order is kept where stamps repeat or go back; headers have the stamps as they are.
    """

    def __init__(
        self,
        path: str | Path,
        tasks: Sequence[Named],
        facts: Mapping[str, Any] | None = None,
        jpeg_quality: int = 90,
        truth: Callable[[Frame], Scene | None] | None = None,
        overwrite: bool = False,
    ) -> None:
        """tasks: give class ids their names; facts: for the metadata record, JSON where they are no text;
        truth: what is known of a frame, for the /truth topics, in the same class ids; overwrite: replace a
        recording of this name, which is refused else."""
        self.path = Path(path)
        self._classes = {name: own for name, own in classes_of(tasks).items() if name}
        self._quality = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality]
        self._truth = truth
        self._camera: CameraModel | None = None
        self._channels: dict[str, int] = {}
        self._without_ego: deque[int] | None = deque(maxlen=64)  # stamps; None: the own motion is written
        self._time = -1
        self._done = False
        self._writer_class = writer_class()
        self._file = GrowingFile(self.path, overwrite)
        with self._or_part():
            self._mcap = self._start({"classes": self._classes, **(facts or {})})

    def write(self, frame: Frame, scene: Scene) -> None:
        """Raises SinkError if the file cannot grow, or a stamp does not fit."""
        if not 0 <= frame.stamp_ns <= LATEST_NS:
            raise SinkError(f"{self.path}: expected a stamp in 0..{LATEST_NS} ns, got {frame.stamp_ns}")
        self._time = max(frame.stamp_ns, self._time + 1)
        header = messages.header(frame.stamp_ns, CAMERA_FRAME)
        with self._or_part():
            self._own_motion(frame)
            self._picture(frame, header)
            self._results(RESULTS, scene, header)
            truth = self._truth(frame) if self._truth else None
            if truth is not None:
                self._results(TRUTH, truth, header)
            if self._file.due():
                self._mcap.flush()
                self._file.sync()

    def close(self) -> None:
        if self._done:
            return
        with self._or_part():
            self._mcap.finish()
            self._file.close()
        self._done = True

    def _start(self, facts: Mapping[str, Any]) -> Any:
        mcap = self._writer_class(self._file.file, chunk_size=CHUNK)
        mcap.start(profile="ros2", library="perception")
        texts = {name: fact if isinstance(fact, str) else json.dumps(fact) for name, fact in facts.items()}
        mcap.add_metadata(FACTS, texts)
        self._file.sync()
        return mcap

    def _picture(self, frame: Frame, header: messages.Record) -> None:
        if frame.camera is not None:  # before the picture: a reader knows the camera when the picture comes
            if frame.camera != self._camera:
                self._mount(frame.camera, frame.stamp_ns)
            self._add(TOPICS["camera_info"], messages.camera_info(frame.camera, header))
        _, jpeg = cv2.imencode(".jpg", frame.image, self._quality)
        self._add(TOPICS["image"], messages.compressed_image(jpeg.tobytes(), header))

    def _own_motion(self, frame: Frame) -> None:
        """Of every frame from the first that has one; those just before are said to have none."""
        if self._without_ego is not None and frame.ego is None:
            self._without_ego.append(frame.stamp_ns)
            return
        for stamp_ns in self._without_ego or ():
            self._add(TOPICS["ego"], messages.own_motion(None, messages.header(stamp_ns, VEHICLE_FRAME)))
        self._without_ego = None
        record = messages.own_motion(frame.ego, messages.header(frame.stamp_ns, VEHICLE_FRAME))
        self._add(TOPICS["ego"], record)

    def _mount(self, camera: CameraModel, stamp_ns: int) -> None:
        self._camera = camera
        link = messages.mount(camera, messages.header(stamp_ns, VEHICLE_FRAME), CAMERA_FRAME)
        self._add(TOPICS["tf_static"], {"transforms": [link]})

    def _results(self, topics: Topics, scene: Scene, header: messages.Record) -> None:
        """Tasks that did not run have no message."""
        for field, value in present(scene):
            if field.topic:
                record = field.to_message(value, self._classes.get(field.task, ()), header)
                self._add(topics[field.name], record)

    def _add(self, place: tuple[str, str], record: messages.Record) -> None:
        topic, type_name = place
        if topic not in self._channels:
            schema = self._mcap.register_schema(type_name, "ros2msg", wire.definition(type_name).encode())
            self._channels[topic] = self._mcap.register_channel(topic, "cdr", schema)
        data = wire.encode(type_name, record)
        self._mcap.add_message(self._channels[topic], self._time, data, self._time)

    @contextmanager
    def _or_part(self) -> Iterator[None]:
        """After an OSError nothing more is written; the part stays."""
        try:
            yield
        except OSError as error:
            self._done = True
            self._file.leave()
            raise SinkError(
                f"{self.path}: expected to write it, got: {error.strerror}; what was recorded is "
                f"{self._file.part.name}; free the disk"
            ) from error


def writer_class() -> Any:
    wire.store()  # says what to install
    try:
        from mcap.writer import Writer
    except ImportError as error:
        raise PerceptionError(f"{wire.MISSING} ({error})") from error
    return Writer
