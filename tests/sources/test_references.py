"""Pictures of H.264 whose reference never came, in streams of a real encoder."""

from __future__ import annotations

import av
import pytest

from perception.sources.references import References
from tests.sources.clips import SIZE, picture

CODED = {"x264-params": "annexb=1:repeat-headers=1:threads=1", "tune": "zerolatency"}


def stream(b_frames=0, **options):
    """25 packets, a key frame every ten."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = *SIZE, "yuv420p", 25
    encoder.gop_size, encoder.max_b_frames, encoder.options = 10, b_frames, {**CODED, **options}
    images = (av.VideoFrame.from_ndarray(picture(k), format="bgr24") for k in range(25))
    return [bytes(packet) for image in (*images, None) for packet in encoder.encode(image)]


def missed(packets, gone=()):
    references = References(b"")
    told = {k: references.misses(packet) for k, packet in enumerate(packets) if k not in gone}
    return [k for k, misses in told.items() if misses]


@pytest.mark.parametrize("profile", ["baseline", "main", "high"])
def test_the_first_picture_behind_a_gap_is_found(profile):
    packets = stream(profile=profile)
    assert missed(packets) == []
    assert missed(packets, {4}) == [5]
    assert missed(packets, {4, 5, 6, 13}) == [7, 14]
    assert missed(packets, {8, 9}) == []  # a key frame needs none of them


def test_pictures_to_which_none_refers_may_be_missing():
    packets = stream(b_frames=2, tune="film")
    alone = {k for k, packet in enumerate(packets) if is_alone(packet)}
    assert len(alone) > 5
    assert missed(packets) == missed(packets, alone) == []
    assert missed(packets, {next(k for k in range(1, 9) if k not in alone)}) != []


def is_alone(packet: bytes) -> bool:
    kinds = [packet[k + 3] for k in range(len(packet) - 3) if packet[k : k + 3] == b"\0\0\1"]
    return kinds[-1] & 0b1111111 == 1


def test_what_was_left_out_on_purpose_is_no_gap():
    packets, references = stream(), References(b"")
    references.misses(packets[0])
    references.forget()
    assert [references.misses(packet) for packet in packets[4:8]] == [False] * 4


BEGIN, SEQUENCE = b"\0\0\1", b"\0\0\1\x67"
ODD = [
    b"",
    BEGIN,
    SEQUENCE,
    (SEQUENCE + b"\xff") * 3,
    BEGIN + b"\x41",
    bytes(range(256)),
    SEQUENCE + bytes(400),
]


@pytest.mark.parametrize("data", [*ODD, SEQUENCE + b"\x42\0\x1f\x80" + bytes(200) + b"\xff" * 200])
def test_nothing_is_found_in_what_is_no_stream(data):
    assert not any(References(data).misses(other) for other in (data, 2 * data))
