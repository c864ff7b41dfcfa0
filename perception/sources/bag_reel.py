"""The frames of one topic of a bag, from its messages."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from perception.errors import DataError, FrameError, SourceError
from perception.sources.bag import Bag, Packed, Topic
from perception.sources.bag_cameras import Cameras
from perception.sources.bag_order import Order
from perception.sources.bag_pictures import Pictures, Taken, shot_of
from perception.types import Frame

log = logging.getLogger(__name__)


class Reel:
    """Takes the messages of `topics` one by one; counts what is lost and what is odd."""

    def __init__(self, bag: Bag, topic: Topic) -> None:
        self.order = Order()
        self._bag, self._topic = bag, topic.name
        self._cameras = Cameras(bag, topic.name)
        self._pictures = Pictures(topic.type, topic.name)
        self._number = 0  # messages of the topic so far
        self._failed = 0  # of them no pictures
        self._given = 0  # frames
        self._error: Exception | None = None
        self._ended = False
        self.topics = {topic.name, *filter(None, [self._cameras.topic])}

    @property
    def lost(self) -> int:
        """Messages without a frame. Before the end, one that a video decoder holds back is not lost."""
        failed = self._number - self._given if self._ended else self._failed
        return failed + self._bag.lost[self._topic]

    def add(self, packed: Packed) -> Iterator[Frame]:
        """The frames that are ready after this message."""
        if packed.topic != self._topic:
            self._note(packed)
            return
        try:
            message = packed.message()
            taken = self._pictures.add(shot_of(message, self._number, packed.time_ns), message)
        except (FrameError, DataError) as error:
            self._failed, self._error, taken = self._failed + 1, error, []
            log.debug("message %d: %s", self._number, error)
        self._number += 1
        yield from self._frames(taken)

    def rest(self) -> Iterator[Frame]:
        yield from self._frames(self._pictures.rest())
        self._ended = True

    def report(self, name: str) -> None:
        """Raises SourceError if there was no frame at all."""
        if not self._given:
            why = self._error or "it has no messages"
            raise SourceError(f"{name}: expected pictures on {self._topic}, but none can be decoded: {why}")
        if self.lost:
            last = f"; the last one: {self._error}" if self._error else ""
            log.warning("%s: %d frames of %s are damaged and left out%s", name, self.lost, self._topic, last)
        for text in self.order.complaints():
            log.warning("%s: %s: %s", name, self._topic, text)

    def _note(self, packed: Packed) -> None:
        try:
            self._cameras.note(packed.message())
        except DataError as error:
            log.warning("%s", error)

    def _frames(self, taken: Sequence[Taken]) -> Iterator[Frame]:
        for shot, image in taken:
            size = image.shape[1], image.shape[0]
            self.order.note(shot.stamp_ns, shot.frame_id, size)
            camera = self._cameras.of(shot.frame_id, size)
            seq = self._given + self.lost
            self._given += 1
            yield Frame(image, shot.stamp_ns, seq, self._topic, camera)
