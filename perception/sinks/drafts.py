"""A frame and what was seen in it as the messages of a recorded drive, encoded when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from perception import messages
from perception.camera import CameraModel
from perception.fields import RESULTS, TRUTH, Topics, present
from perception.messages import TOPICS, Record, wire
from perception.messages.topics import CAMERA_FRAME, VEHICLE_FRAME
from perception.types import Frame, Scene

MOUNT = TOPICS["tf_static"][0]  # said once, and again when the camera changes
Names = Mapping[str, Sequence[str]]  # task -> its classes


class Draft(NamedTuple):
    topic: str
    type_name: str
    encode: Callable[[], bytes]  # CDR


def drafts(
    frame: Frame, scene: Scene | None, classes: Names, jpeg: Callable[[], bytes], truth: Scene | None = None
) -> Iterator[Draft]:
    """In the order in which they are recorded: own motion, camera, its picture, results, truth.

    Tasks that did not run have no message; `scene` None: none did. `jpeg`: the frame's image, encoded.
    """
    header = messages.header(frame.stamp_ns, CAMERA_FRAME)
    if frame.ego is not None:
        yield own_motion(frame)
    if frame.camera is not None:  # before the picture: a reader knows the camera when the picture comes
        yield _draft(TOPICS["tf_static"], partial(_mounted, frame.camera, frame.stamp_ns))
        yield _draft(TOPICS["camera_info"], partial(messages.camera_info, frame.camera, header))
    yield _draft(TOPICS["image"], lambda: messages.compressed_image(jpeg(), header))
    for topics, seen in ((RESULTS, scene), (TRUTH, truth)):
        if seen is not None:
            yield from _results(topics, seen, classes, header)


def _mounted(camera: CameraModel, stamp_ns: int) -> Record:
    link = messages.mount(camera, messages.header(stamp_ns, VEHICLE_FRAME), CAMERA_FRAME)
    return {"transforms": [link]}


def own_motion(frame: Frame) -> Draft:
    """That of the vehicle, or that it is not known."""
    header = messages.header(frame.stamp_ns, VEHICLE_FRAME)
    return _draft(TOPICS["ego"], partial(messages.own_motion, frame.ego, header))


def _results(topics: Topics, scene: Scene, classes: Names, header: Record) -> Iterator[Draft]:
    for field, value in present(scene):
        if field.topic:
            make = partial(field.to_message, value, classes.get(field.task, ()), header)
            yield _draft(topics[field.name], make)


def _draft(place: tuple[str, str], make: Callable[[], Record]) -> Draft:
    topic, type_name = place
    return Draft(topic, type_name, lambda: wire.encode(type_name, make()))
