"""A recorded drive as a source: the pictures of one camera, in the order of the file."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from perception.errors import SourceError
from perception.fields import TRUTH
from perception.sources.bag import Bag, Packed, Topic, open_bag
from perception.sources.bag_ego import chosen_motion, motion_of
from perception.sources.bag_order import Order
from perception.sources.bag_pictures import TYPES
from perception.sources.bag_reel import Reel
from perception.sources.bag_truth import Pairs
from perception.timing import usable_fps
from perception.types import Frame, Scene

CHOICE = "?topic="  # "drive.mcap?topic=/front/image"
OURS = ("/perception/", "/truth/")  # pictures there are results
FACTS = "perception"  # the metadata record of `perception.sinks.drive_file`


class Drive:
    """Frames of one camera topic of a bag; every iteration starts again and holds a chunk of the file.

    `Frame.source` is the topic, `stamp_ns` the header's stamp, `seq` counts the topic's messages. A message
    that is no picture is skipped and counted in `lost`; its `seq` stays unused. Stamps that go back or repeat
    and pictures of several cameras on one topic are passed on in the order of the file; a warning at the end
    says how many. Frames carry a CameraModel if the bag has a CameraInfo and the camera's mount,
    and the own motion as in `bag_ego`.
    Raises SourceError: no bag, no such topic, several cameras and none chosen, no picture can be decoded.
    """

    live = False
    images = False

    def __init__(self, path: str | Path, topic: str | None = None) -> None:
        self.path = Path(path)
        self.bag = open_bag(self.path)
        self._topic = chosen(self.bag, topic, self.path)
        self.topic = self._topic.name
        self.lost = 0
        steps = self._topic.count - 1
        self.fps = usable_fps(steps * 1e9 / self.bag.span_ns if self.bag.span_ns else 0.0)
        self.order = Order()
        self._ego_topic: str | None = None

    def choose_motion(self, topic: str) -> None:
        """Take the own motion from this topic. Raises SourceError if there is none of a fitting type."""
        chosen_motion(self.bag, topic, str(self.path))
        self._ego_topic = topic

    def __iter__(self) -> Iterator[Frame]:
        for _, item in self._stream(()):
            assert isinstance(item, Frame)
            yield item

    def close(self) -> None:
        """Nothing is open between iterations."""

    def classes(self) -> dict[str, tuple[str, ...]]:
        """Task -> class names, as the recorder wrote them down; empty if another recorded it."""
        text = self.bag.facts.get(FACTS, {}).get("classes", "{}")
        try:
            return {str(task): tuple(map(str, names)) for task, names in json.loads(text).items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise SourceError(
                f"{self.path}: expected classes as JSON in its metadata, got {text[:80]!r}"
            ) from error

    def labelled(self, classes: Mapping[str, Sequence[str]] | None = None) -> Iterator[tuple[Frame, Scene]]:
        """Frames with what the /truth topics say about them: paired by stamp, None where there is no topic.

        `classes`: task -> class names, the meaning of `class_id`; those of the recording if not given.
        A frame without a label and a label without a frame are left out, and counted in a warning at the end.
        Score 0 marks a region that is not judged. Raises SourceError if there is no label at all, DataError
        for one that cannot be read.
        """
        topics = {name: topic for name, (topic, _) in TRUTH.items() if topic in self.bag.topics}
        names = classes or self.classes()
        if not topics or not names:
            missing = f"topics of {', '.join(topic for topic, _ in TRUTH.values())}" if names else "classes"
            raise SourceError(
                f"{self.path}: expected a labelled drive, found no {missing}; {listed(self.bag)}"
            )
        pairs = Pairs(topics, names, str(self.path))
        for time_ns, item in self._stream(topics.values()):
            yield from pairs.add(time_ns, item)
        yield from pairs.rest()

    def _stream(self, also: Collection[str]) -> Iterator[tuple[int, Frame | Packed]]:
        """(time of recording, frame or message of the topics `also`)."""
        reel = Reel(self.bag, self._topic)
        self.order, time_ns = reel.order, 0
        motion = motion_of(self.bag, self._ego_topic, str(self.path))
        told = motion.told if motion else lambda frame: frame
        for packed in self.bag.raw({*reel.topics, *also}):
            time_ns = packed.time_ns
            if packed.topic in also:
                yield time_ns, packed
                continue
            for frame in reel.add(packed):
                self.lost = reel.lost
                yield time_ns, told(frame)
        for frame in reel.rest():
            yield time_ns, told(frame)
        self.lost = reel.lost
        if motion:
            motion.report()
        reel.report(str(self.path))


def open_drive(text: str) -> Drive:
    """`PATH` or `PATH?topic=NAME`."""
    path, _, topic = text.partition(CHOICE)
    return Drive(path, topic or None)


def chosen(bag: Bag, topic: str | None, path: Path) -> Topic:
    """The camera's topic: the one that was asked for, or the only one there is."""
    if topic is not None:
        found = bag.topics.get(topic)
        if found is None or found.type not in TYPES:
            got = "nothing of that name" if found is None else found.type
            raise SourceError(f"{path}: expected pictures on {topic}, found {got}; {listed(bag)}")
        return found
    cameras = [t for t in bag.topics.values() if t.type in TYPES and t.count and not t.name.startswith(OURS)]
    if not cameras:
        raise SourceError(
            f"{path}: expected a topic with pictures ({', '.join(TYPES)}), found none; {listed(bag)}"
        )
    if len(cameras) > 1:
        names = "; ".join(f"{path}{CHOICE}{t.name} ({t.count} {t.type})" for t in cameras)
        raise SourceError(f"{path}: expected one camera, found {len(cameras)}; choose one: {names}")
    return cameras[0]


def listed(bag: Bag) -> str:
    topics = ", ".join(f"{t.name} ({t.count} {t.type})" for t in bag.topics.values())
    return f"topics there: {topics or 'none'}"
