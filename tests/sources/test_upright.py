"""Colours, square pixels and the eight orientations, as every player shows them."""

import gc
import struct
from fractions import Fraction
from itertools import product

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import Colorspace

from perception.colour import BT601, BT709
from perception.sinks.video import OverlayVideo
from perception.sources import open_source
from perception.sources.bag_pictures import Shot, Video
from perception.types import Frame, Scene
from tests.sources.clips import number, numbered, picture, write_video

GREEN = (0, 180, 0)
MATRIX = {BT601: Colorspace.ITU601, BT709: Colorspace.ITU709}
EXIF = {  # orientation -> what was done to the picture that is to be shown so
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image, -1),
}


def green(path, size, colour, tagged):
    """One green picture, encoded in this colour."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height = size
        context = stream.codec_context
        if tagged:
            context.colorspace, context.color_primaries, context.color_trc = colour
        frame = av.VideoFrame.from_ndarray(np.full((*size[::-1], 3), GREEN, np.uint8), format="bgr24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=MATRIX[colour])
        frame.colorspace = colour.matrix if tagged else 2
        container.mux([*stream.encode(frame), *stream.encode()])
    return path


@pytest.mark.parametrize(
    ("size", "colour", "tagged"),
    [
        ((1280, 720), BT709, False),
        ((720, 576), BT601, False),
        *product([(1280, 720), (320, 240)], [BT601, BT709], [True]),
    ],
)
def test_colours_are_those_that_were_filmed(tmp_path, size, colour, tagged):
    (frame,) = open_source(str(green(tmp_path / "a.mp4", size, colour, tagged)))
    np.testing.assert_allclose(
        frame.image.reshape(-1, 3)[::97], [GREEN] * -(-size[0] * size[1] // 97), atol=3
    )


def test_colours_of_a_recorded_drive_are_those_that_were_filmed(tmp_path):
    with av.open(str(green(tmp_path / "a.h264", (1280, 720), BT709, tagged=False))) as container:
        packets = [bytes(packet) for packet in container.demux()]
    video = Video("h264")
    taken = [taken for data in packets if data for taken in video.add(Shot(0, 0, ""), data)] + video.rest()
    np.testing.assert_allclose(taken[0][1][360, 640], GREEN, atol=3)


@pytest.mark.parametrize(("size", "colour"), [((1280, 720), BT709), ((640, 360), BT601)])
def test_an_overlay_says_its_colours_and_keeps_them(tmp_path, size, colour):
    sink = OverlayVideo(tmp_path / "a.mp4", 10, [])
    image = np.full((*size[::-1], 3), GREEN, np.uint8)
    sink.write(Frame(image, 0, 0), Scene(0, 0, size))
    sink.close()
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0))
    assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (*colour, 1)
    seen = frame.reformat(format="bgr24", src_colorspace=MATRIX[colour]).to_ndarray()
    np.testing.assert_allclose(seen[size[1] // 2, size[0] // 2], GREEN, atol=3)


ASPECTS = [((16, 9), 171), ((1, 2), 48), ((1, 1), 96), ((1000, 1001), 96), ((50, 1), 96), ((0, 1), 96)]


@pytest.mark.parametrize(("aspect", "width"), ASPECTS)
def test_pixels_become_square(tmp_path, aspect, width):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height = 96, 64
        stream.codec_context.sample_aspect_ratio = Fraction(*aspect)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(9), format="bgr24")))
        container.mux(stream.encode())
    assert {frame.size for frame in open_source(str(tmp_path / "a.mkv"))} == {(width, 64)}


MATRICES = [(a, 0, 0, d) for a, d in product((1, -1), (1, -1))] + [
    (0, b, c, 0) for b, c in product((1, -1), (1, -1))
]


@pytest.mark.parametrize("a_b_c_d", MATRICES)
def test_a_video_is_shown_in_any_of_the_eight_orientations(tmp_path, a_b_c_d):
    path = numbered(tmp_path / "phone.mp4")
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = a_b_c_d
    data[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    shown = list(open_source(str(path)))[21].image
    x, y = np.meshgrid(np.arange(96), np.arange(64))  # ISO 14496-12: (x, y) moves to (ax + cy, bx + dy)
    to_x, to_y = a * x + c * y, b * x + d * y
    assert number(shown[to_y - to_y.min(), to_x - to_x.min()]) == 21


@pytest.mark.parametrize("orientation", EXIF)
def test_a_photo_is_shown_in_any_of_the_eight_orientations(tmp_path, orientation):
    upright = np.zeros((40, 80, 3), np.uint8)
    upright[:20, :40], upright[20:, :40] = 120, 250
    stored = np.ascontiguousarray(EXIF[orientation](upright))
    jpeg = cv2.imencode(".jpg", stored)[1].tobytes()
    exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    (tmp_path / "a.jpg").write_bytes(
        jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]
    )
    (frame,) = open_source(str(tmp_path / "a.jpg"))
    np.testing.assert_allclose(frame.image, upright, atol=25)


def test_frames_are_freed_without_the_garbage_collector(tmp_path):
    source = open_source(str(write_video(tmp_path / "a.mp4", map(picture, range(120)), g="1")))
    gc.collect()
    before = alive()
    gc.disable()
    try:
        count = sum(1 for _ in source)
        left = alive() - before
    finally:
        gc.enable()
    assert (count, left) == (120, 0)


@pytest.mark.parametrize("form", ["gray16le", "bgr48le"])
def test_twelve_bits_in_sixteen_are_bright(tmp_path, form):
    """As in pictures of 16 bits: the format does not say where white is."""
    deep = np.tile(np.linspace(0, 4095, 64).astype(np.uint16), (48, 1))
    stored = deep if form == "gray16le" else np.repeat(deep[..., None], 3, 2)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, form if form == "gray16le" else "gbrp16le"
        frame = av.VideoFrame.from_ndarray(stored, format=form)
        container.mux([*stream.encode(frame), *stream.encode()])
    (frame,) = open_source(str(tmp_path / "a.mkv"))
    np.testing.assert_allclose(frame.image[..., 1], deep / 4095 * 255, atol=1)


def alive():
    return sum(type(thing) is av.VideoFrame for thing in gc.get_objects())
