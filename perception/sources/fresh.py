"""What of a live stream is worth decoding.

A reader that gets too little of a processor finds old packets: they waited in the socket. Their time in the
stream tells how long. It differs from ours by an offset, which is smallest for a packet that did not wait;
so the smallest one seen so far is the offset of the clocks and of the way, and what is above it is waiting.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from perception.errors import SourceError

FRESH_S = 0.5  # a picture older than that is not given
BEHIND_S = 0.8  # decoding alone will not catch up: go on with a key frame that is fresh
HOPELESS_S = 10.0  # left out for so long without catching up: the stream is late, or its clock is wrong
SETTLED_S, STEP_S = 0.35, 0.05  # the offset is known when it did not fall by a STEP for so long
UNTIMED_S = 2.0  # a stream without times is taken as it comes
BACK_S = 1.0  # stream time that goes back further is that of another clock; pictures may be out of order
DRIFT = 500e-6  # of the clocks: by so much the offset may rise


class Packet(Protocol):
    @property
    def is_keyframe(self) -> bool: ...


P = TypeVar("P", bound=Packet)


class Anchor:
    """Stream time (seconds) on our clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.began = False
        self._offset = math.inf  # our clock minus stream time
        self._newest = -math.inf

    def arrived(self, time_s: float) -> float:
        """Note a packet that has just been read; gives its age in seconds."""
        now = self.clock()
        offset = now - time_s
        if not self.began or time_s < self._newest - BACK_S:
            self.began = True
            self._newest, self._offset, self._then = time_s, offset, now
            self._fell_to, self._fell = offset, now
        self._offset = min(offset, self._offset + DRIFT * (now - self._then))
        self._newest, self._then = max(time_s, self._newest), now
        if offset < self._fell_to - STEP_S:
            self._fell_to, self._fell = offset, now
        return offset - self._offset

    def taken_s(self, time_s: float) -> float:
        """When a picture was taken, on our clock."""
        return min(time_s + self._offset, self.clock())

    @property
    def settled(self) -> bool:
        """At the start of a stream old packets come at once: before the last of them no age is right."""
        return self.began and self.clock() - self._fell >= SETTLED_S


class FreshPackets(Generic[P]):
    """The packets of a stream without those that waited too long; after a gap it goes on with a key frame."""

    def __init__(
        self,
        packets: Iterable[P],
        time_of: Callable[[P], float | None],
        anchor: Anchor,
        restart: Callable[[], int],
        name: str,
    ) -> None:
        """`time_of`: in the stream, in seconds; None: not known, it is taken as fresh. `restart`: the
        decoder is told of a gap, and gives how many pictures it still held."""
        self.dropped = 0
        self._clock = anchor.clock
        self._late_since: float | None = None  # packets are left out
        self._packets = iter(packets)
        self._time_of, self._anchor, self._restart, self._name = time_of, anchor, restart, name

    def __iter__(self) -> Iterator[P]:
        """Raises SourceError if it is HOPELESS_S behind."""
        yield from self._start()
        for packet in self._packets:
            time_s = self._time_of(packet)
            age = 0.0 if time_s is None else self._anchor.arrived(time_s)
            if self._late_since is None and age > BEHIND_S:
                self._leave_out()
            if self._late_since is not None:
                if not packet.is_keyframe or age > FRESH_S:
                    self.dropped += 1
                    self._judge(age)
                    continue
                self._late_since = None
            yield packet

    def untimed(self, age_s: Callable[[], float], alone: bool) -> Iterator[P]:
        """Of a stream whose times say nothing: `age_s` tells of the last packet. If pictures stand `alone`,
        those that waited too long are left out; else later ones refer to them."""
        late = False
        for packet in self._packets:
            was_late, late = late, alone and age_s() > FRESH_S
            if late:
                self.dropped += 1 if was_late else 1 + self._restart()
            else:
                yield packet

    def _start(self) -> Iterator[P]:
        """The newest key frame and what follows it, as soon as ages are known; as far as there is time."""
        waiting: list[P] = []
        begin = self._clock()
        for packet in self._packets:
            if packet.is_keyframe:
                self.dropped += len(waiting)
                waiting.clear()
            waiting.append(packet)
            time_s = self._time_of(packet)
            if time_s is not None:  # the first packets may have none
                self._anchor.arrived(time_s)
            if self._anchor.settled or (not self._anchor.began and self._clock() - begin > UNTIMED_S):
                break
        end = self._clock() + BEHIND_S
        for number, packet in enumerate(waiting):
            if self._clock() > end:
                self.dropped += len(waiting) - number
                self._leave_out()
                return
            yield packet

    def _leave_out(self) -> None:
        """From here to a fresh key frame."""
        self._late_since = self._clock()
        self.dropped += self._restart()

    def _judge(self, age: float) -> None:
        assert self._late_since is not None
        if age > FRESH_S and self._clock() - self._late_since > HOPELESS_S:
            raise SourceError(
                f"{self._name}: expected pictures as they are taken, got ones that are {age:.1f} s old "
                "and do not catch up; check the network and the load of this machine"
            )
