"""A stream and a reader that gets too little of the processor, on a clock of their own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest

from perception.errors import SourceError
from perception.sources.fresh import FRESH_S, SETTLED_S, Anchor, FreshPackets

FPS, GOP = 30, 30


@dataclass(frozen=True)
class Sent:
    number: int

    @property
    def time_s(self) -> float:
        return self.number / FPS

    @property
    def is_keyframe(self) -> bool:
        return self.number % GOP == 0


class Reader:
    """Reads packets that were sent once a frame time; `backlog_s` of them wait in the socket at the start.

    Decoding one takes `decode_s`. What it gave, with the true age at that time, is in `given`.
    """

    def __init__(self, decode_s: float, backlog_s: float = 0.0, read_s: float = 0.0005) -> None:
        self.now = self.start = 1000.0
        self.sent = self.start - backlog_s  # when packet 0 was sent
        self.read_s, self.decode_s = read_s, decode_s
        self.stalls: dict[int, float] = {}  # packet -> seconds for which nothing runs before it is read
        self.jump: tuple[int, float] = (10**9, 0.0)  # packet from which on stream time differs
        self.untimed = 0  # packets
        self.anchor = Anchor(lambda: self.now)
        self.packets = FreshPackets(self.arriving(), self.time_of, self.anchor, lambda: 0, "cam")
        self.given: list[tuple[int, float, float]] = []  # number, true age, age that was told

    def arriving(self):
        number = 0
        while True:
            self.now = max(self.now + self.read_s, self.sent + number / FPS) + self.stalls.get(number, 0.0)
            yield Sent(number)
            number += 1

    def time_of(self, packet: Sent) -> float | None:
        at, by = self.jump
        if packet.number < self.untimed:
            return None
        return packet.time_s + (by if packet.number >= at else 0.0)

    def run(self, seconds: float):
        for packet in self.packets:
            self.now += self.decode_s
            time_s = self.time_of(packet)
            told = 0.0 if time_s is None else self.now - self.anchor.taken_s(time_s)
            if told <= FRESH_S:
                self.given.append((packet.number, self.now - self.sent - packet.time_s, told))
            if self.now - self.start > seconds:
                return self
        raise AssertionError


def worst(given) -> float:
    return max(true for _, true, _ in given)


def test_a_fast_reader_gets_every_frame_from_the_newest_key_frame_on():
    numbers = [number for number, *_ in Reader(0.003).run(20).given]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(numbers) >= FPS * (20 - SETTLED_S - FRESH_S - 0.1)


@pytest.mark.parametrize("decode_s", [0.04, 0.1, 0.2, 0.45])
@pytest.mark.parametrize("backlog_s", [0.0, 1.2, 5.0])
def test_a_starved_reader_gives_nothing_old_and_tells_the_age(decode_s, backlog_s):
    """At 7 % of a core a picture that takes 3 ms takes 43."""
    given = Reader(decode_s, backlog_s, read_s=0.002).run(60).given
    assert worst(given) <= FRESH_S + 0.05
    assert max(abs(true - told) for _, true, told in given) < 0.05
    assert len(given) >= 20
    assert {b[0] > a[0] for a, b in pairwise(given)} == {True}


def test_the_backlog_of_the_start_is_not_taken_for_now():
    """Old packets come at once, and the first of them seems to be fresh."""
    given = Reader(0.003, backlog_s=1.2).run(10).given
    assert worst(given) < FRESH_S + 0.05
    assert min(number for number, *_ in given) >= 36 - FPS * FRESH_S
    assert max(abs(true - told) for _, true, told in given) < 0.05


def test_after_a_stall_it_goes_on_with_what_is_fresh():
    reader = Reader(0.003)
    reader.stalls = {200: 5.0}
    given = reader.run(20).given
    assert worst(given) <= FRESH_S
    behind = [number for number, *_ in given if number >= 200]
    assert behind[0] % GOP == 0  # a key frame
    assert behind == list(range(behind[0], behind[0] + len(behind)))


def test_a_short_stall_is_caught_up_without_waiting_for_a_key_frame():
    reader = Reader(0.003)
    reader.stalls = {200: 0.7}
    numbers = [number for number, *_ in reader.run(20).given]
    assert max(b - a for a, b in pairwise(numbers)) < 12


@pytest.mark.parametrize("by", [-3600.0, 3600.0])
def test_a_camera_that_sets_its_clock_goes_on(by):
    reader = Reader(0.003)
    reader.jump = (200, by)
    numbers = [number for number, *_ in reader.run(20).given]
    assert numbers[-1] >= 590


def test_a_stream_that_does_not_catch_up_is_given_up():
    reader = Reader(0.003)
    reader.stalls = dict.fromkeys(range(200, 10_000), 0.05)  # even reading is too slow
    with pytest.raises(SourceError, match="s old and do not catch up"):
        reader.run(200)
    assert worst(reader.given) <= FRESH_S + 0.001


@pytest.mark.parametrize("untimed", [1, 3, 10**9])
def test_packets_without_a_time(untimed):
    """The first ones may have none; where none has, nothing can be told."""
    reader = Reader(0.003, backlog_s=1.2)
    reader.untimed = untimed
    numbers = [number for number, *_ in reader.run(20).given]
    assert numbers[-1] >= 590
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert untimed > 3 or worst(reader.given) < FRESH_S + 0.05


def test_what_is_left_out_is_counted():
    reader = Reader(0.003)
    reader.stalls = {200: 5.0}
    numbers = [number for number, *_ in reader.run(20).given]
    missing = numbers[-1] + 1 - len(numbers)
    too_old = missing - reader.packets.dropped  # those were decoded for the sake of later ones
    assert 0 <= too_old <= FPS


def untimed(ages, alone):
    """What is given of packets of these ages, and how many were dropped where the decoder held two."""
    told = iter(ages)
    packets = FreshPackets(range(len(ages)), lambda _: None, Anchor(lambda: 0.0), lambda: 2, "cam")
    return list(packets.untimed(lambda: next(told), alone)), packets.dropped


def test_without_times_what_waited_is_passed_over_if_pictures_stand_alone():
    old = FRESH_S + 0.01
    assert untimed([0, old, old, 0.1, old], alone=True) == ([0, 3], 3 + 2 * 2)
    assert untimed([0, old, old, 0.1], alone=False) == ([0, 1, 2, 3], 0)
