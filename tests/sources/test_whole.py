"""Pictures that refer to a damaged one show what never was: of a live stream they are lost."""

from __future__ import annotations

import av
import numpy as np
import pytest

from perception.sources.decode import Decoder
from tests.sources.clips import numbered, picture, write_video


def damaged(packets, numbers, gone=()):
    """Some packets are cut off, and some are gone."""
    for k, packet in enumerate(packets):
        if k in gone:
            continue
        if k not in numbers:
            yield packet
            continue
        rest = av.Packet(bytes(packet)[: packet.size // 3])
        rest.pts, rest.dts, rest.time_base, rest.stream = (
            packet.pts,
            packet.dts,
            packet.time_base,
            packet.stream,
        )
        yield rest


def read(path, numbers, whole, gone=()):
    """How far each picture that comes out is from what it should be, by its place; how many are lost."""
    with av.open(str(path)) as container:
        decoder = Decoder(container, "cam", whole)
        shown = list(decoder.pictures(damaged(container.demux(decoder.stream), numbers, gone)))
        off = {shot.seq: np.abs(shot.image.astype(int) - picture(shot.seq)).mean() for shot in shown}
        return off, decoder.lost


@pytest.mark.parametrize("number", [11, 12, 14, 19, 20])
def test_what_follows_damage_is_lost_until_the_next_key_frame(tmp_path, number):
    """There is one every ten pictures."""
    path = write_video(tmp_path / "a.ts", map(picture, range(40)), b_frames=0)
    good, _ = read(path, (), whole=True)
    off, lost = read(path, {number}, whole=True)
    assert len(good) == 40
    assert set(off) >= {*range(11), *range(30, 40)}
    assert (len(off) + lost, max(off[k] - good[k] for k in off)) == (40, 0)


def test_so_is_what_follows_a_picture_that_never_came(tmp_path):
    path = write_video(tmp_path / "a.ts", map(picture, range(40)), b_frames=0)
    off, _ = read(path, (), whole=True, gone={14})
    assert len(off) == 40 - 6


def test_of_a_recording_all_is_given_that_can_be_read(tmp_path):
    path = numbered(tmp_path / "a.ts")
    good, _ = read(path, (), whole=False)
    off, lost = read(path, {12}, whole=False)
    assert lost < 4
    assert max(off[k] - good[k] for k in off) > 1
